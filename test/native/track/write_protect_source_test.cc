#include "track/write_protect_source.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cerrno>
#include <optional>

#include "memory/mapping_budget.h"
#include "refusing_kernel.h"
#include "sys/userfaultfd.h"
#include "track/watched_memory.h"
#include "track/write_recording.h"

namespace memtiers {
namespace {

constexpr HotnessKind kKind = HotnessKind::kWriteProtect;

void CheckWrites(const WatchedMemory& memory) {
  const std::unique_ptr<HotnessSource> source = Watching(kKind, memory);
  memory.Write(1, 7);
  memory.Write(5, 512);
  memory.Read(3, 512);
  const Collection found = source->Collect().value();
  CHECK(found.chunks.size() == 2);
  CHECK(AccessesOf(found, 101).writes == 7);
  CHECK(AccessesOf(found, 105).writes == 512);
  CHECK(AccessesOf(found, 105).reads == 0);
  CHECK(found.scanned_bytes == memory.bytes());
  CHECK(found.cost.count() > 0);
  // The pages are protected again, and only writes since then count.
  CHECK(source->Collect().value().chunks.empty());
  memory.Write(1, 3);
  CHECK(AccessesOf(source->Collect().value(), 101).writes == 3);
}

}  // namespace

TEST_CASE("written pages are counted exactly, reads are not, and each write is found once") {
  if (!Works(kKind)) return;
  CheckWrites(WatchedMemory(8));
}

TEST_CASE("pages written here and there are counted one by one") {
  if (!Works(kKind)) return;
  const WatchedMemory memory(2);
  const std::unique_ptr<HotnessSource> source = Watching(kKind, memory);
  for (size_t page = 0; page < 512; page += 2) {
    *static_cast<volatile std::byte*>(memory.chunk(0) + page * 4 * kKiB) = std::byte{1};
  }
  CHECK(AccessesOf(source->Collect().value(), 100).writes == 256);
  CHECK(source->Collect().value().chunks.empty());
}

TEST_CASE("writes to a shared mapping of a file are counted like those to memory") {
  if (!Works(kKind)) return;
  CheckWrites(WatchedMemory(8, WatchedMemory::Kind::kFile));
}

TEST_CASE("a chunk that was moved is found out, and watched again from the next collection on") {
  if (!Works(kKind)) return;
  const WatchedMemory memory(4);
  const std::unique_ptr<HotnessSource> source = Watching(kKind, memory);
  std::byte* const aside = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
  REQUIRE(MapAnonymous(aside, kChunkBytes).ok());
  REQUIRE(PopulateWrite(aside, kChunkBytes).ok());
  REQUIRE(MoveMapping(aside, memory.chunk(2), kChunkBytes).ok());
  memory.Write(1, 5);
  memory.Write(2, 5);
  const Collection found = source->Collect().value();
  CHECK(AccessesOf(found, 101).writes == 5);
  CHECK(AccessesOf(found, 102).writes == 0);
  memory.Write(2, 9);
  CHECK(AccessesOf(source->Collect().value(), 102).writes == 9);
}

TEST_CASE("a chunk registered elsewhere is left alone, and watched once it is free again") {
  if (!Works(kKind)) return;
  const WatchedMemory memory(4);
  const std::unique_ptr<HotnessSource> source = Watching(kKind, memory);
  const Userfaultfd other = std::move(Userfaultfd::Open(Userfaultfd::Mode::kHoldBack).value());
  StopRecordingWrites(memory.chunk(3), kChunkBytes);
  REQUIRE(other.Register(memory.chunk(3), kChunkBytes, {.write_protected = true}).ok());
  memory.Write(0, 2);
  Collection found = source->Collect().value();
  CHECK(AccessesOf(found, 100).writes == 2);
  CHECK(found.scanned_bytes == 3 * kChunkBytes);
  // Its end takes nothing from the other one either.
  REQUIRE(source->Watch({}).ok());
  CHECK(other.Protect(memory.chunk(3), kChunkBytes).ok());
  CHECK(other.Unregister(memory.chunk(3), kChunkBytes).ok());
  REQUIRE(source->Watch(memory.All()).ok());
  CHECK(source->Collect().value().scanned_bytes == memory.bytes());
  memory.Write(3, 4);
  CHECK(AccessesOf(source->Collect().value(), 103).writes == 4);
}

TEST_CASE("a chunk somebody else needs for a moment is not registered again before that is over") {
  if (!Works(kKind)) return;
  const WatchedMemory memory(4);
  const std::unique_ptr<HotnessSource> source = Watching(kKind, memory);
  const Userfaultfd other = std::move(Userfaultfd::Open(Userfaultfd::Mode::kHoldBack).value());
  {
    const RecordingPause pause(memory.chunk(2), kChunkBytes);
    memory.Write(1, 3);
    const Collection found = source->Collect().value();
    CHECK(AccessesOf(found, 101).writes == 3);
    CHECK(found.scanned_bytes == 3 * kChunkBytes);
    REQUIRE(other.Register(memory.chunk(2), kChunkBytes, {.write_protected = true}).ok());
    REQUIRE(other.Unregister(memory.chunk(2), kChunkBytes).ok());
  }
  CHECK(source->Collect().value().scanned_bytes == memory.bytes());
  memory.Write(2, 8);
  CHECK(AccessesOf(source->Collect().value(), 102).writes == 8);
}

TEST_CASE("memory that goes away while it is watched is no failure, and nothing left is one") {
  if (!Works(kKind)) return;
  const WatchedMemory memory(4);
  const std::unique_ptr<HotnessSource> source = Watching(kKind, memory);
  REQUIRE(munmap(memory.chunk(1), kChunkBytes) == 0);
  REQUIRE(MapReserved(memory.chunk(2), kChunkBytes).ok());
  memory.Write(3, 6);
  CHECK(AccessesOf(source->Collect().value(), 103).writes == 6);
  std::byte* const nowhere = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
  ReleaseAddressSpace(nowhere, kChunkBytes);
  REQUIRE(source->Watch({{.chunk = 1, .address = nowhere}}).ok());
  const Status refused = source->Collect().status();
  CHECK_FALSE(refused.ok());
  CHECK(refused.error() != 0);
  CHECK(std::string(refused.syscall()) == "UFFDIO_REGISTER");
}

TEST_CASE("nothing stays registered or charged after a source has ended") {
  if (!Works(kKind)) return;
  const WatchedMemory memory(4);
  const size_t before = MappingBudget::used();
  const Userfaultfd other = std::move(Userfaultfd::Open(Userfaultfd::Mode::kHoldBack).value());
  {
    const std::unique_ptr<HotnessSource> source = Watching(kKind, memory);
    CHECK(MappingBudget::used() == before + 2);
    CHECK(other.Register(memory.chunk(0), kChunkBytes, {.missing = true}).error() == EBUSY);
  }
  CHECK(MappingBudget::used() == before);
  CHECK(other.Register(memory.chunk(0), kChunkBytes, {.missing = true}).ok());
}

TEST_CASE("a process that gets no userfaultfd is told what it needs") {
  CHECK(WithSyscallRefused({.syscall_number = SYS_userfaultfd, .error = EPERM}, [] {
    const HotnessProbe probe = ProbeWriteProtect();
    const bool through_the_device = probe.available;  // permitted to root, and right
    const bool told = probe.detail.find("CAP_SYS_PTRACE") != std::string::npos &&
                      OpenWriteProtectSource().status().code() == Code::kUnavailable;
    return through_the_device || told;
  }));
}

}  // namespace memtiers
