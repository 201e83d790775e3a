#include "track/referenced_source.h"

#include <doctest/doctest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <thread>

#include "refusing_kernel.h"
#include "track/mapping_areas.h"
#include "track/watched_memory.h"

namespace memtiers {
namespace {

constexpr HotnessKind kKind = HotnessKind::kReferenced;

void CheckAccesses(const WatchedMemory& memory) {
  const std::unique_ptr<HotnessSource> source = Watching(kKind, memory);
  memory.Write(1, 7);
  memory.Read(4, 300);
  memory.Read(5, 512);
  const Collection found = source->Collect().value();
  CHECK(found.chunks.size() == 3);
  CHECK(AccessesOf(found, 101).reads == 7);
  CHECK(AccessesOf(found, 104).reads == 300);
  CHECK(AccessesOf(found, 105).reads == 512);
  CHECK(AccessesOf(found, 105).writes == 0);
  CHECK(found.scanned_bytes == memory.bytes());
  CHECK(found.cost.count() > 0);
  CHECK(source->Collect().value().chunks.empty());
  memory.Read(4, 2);
  CHECK(AccessesOf(source->Collect().value(), 104).reads == 2);
}

bool StayOnCpu(int cpu) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(cpu, &cpus);
  return sched_setaffinity(0, sizeof(cpus), &cpus) == 0;
}

size_t AreasOf(const WatchedMemory& memory) {
  const auto begin = reinterpret_cast<uintptr_t>(memory.chunk(0));
  return ReadMappingAreas(MappingText::kMaps, begin, begin + memory.bytes()).value().size();
}

}  // namespace

TEST_CASE("accessed pages are told apart by chunk, and each access is found once") {
  if (!Works(kKind)) return;
  CheckAccesses(WatchedMemory(9));
}

TEST_CASE("accesses to cached pages of a file are found") {
  if (!Works(kKind)) return;
  CheckAccesses(WatchedMemory(9, WatchedMemory::Kind::kFile));
}

TEST_CASE("a page that another CPU accesses all the time is found at every collection") {
  if (!Works(kKind)) return;
  const WatchedMemory memory(3);
  const std::unique_ptr<HotnessSource> source = Watching(kKind, memory);
  std::atomic<bool> done = false;
  std::atomic<uint64_t> rounds = 0;
  std::thread reader([&] {
    while (!done) {
      memory.Read(1, 1);
      ++rounds;
    }
  });
  const auto wait_for_accesses = [&rounds] {
    for (const uint64_t start = rounds; rounds < start + 100;) std::this_thread::yield();
  };
  for (int i = 0; i < 20; ++i) {
    wait_for_accesses();
    CHECK(AccessesOf(source->Collect().value(), 101).reads == 1);
  }
  done = true;
  reader.join();
}

TEST_CASE("pages populated just now on another CPU do not look accessed for ever") {
  if (!Works(kKind)) return;
  const WatchedMemory memory(2);
  REQUIRE(MapAnonymous(memory.chunk(0), kChunkBytes).ok());
  AdviseSmallPages(memory.chunk(0), kChunkBytes);
  std::atomic<bool> populated = false;
  std::atomic<bool> done = false;
  bool pinned = false;
  // Stays on its CPU, so that nothing else there takes the pages off its hands meanwhile.
  std::thread other([&] {
    pinned = StayOnCpu(0);
    memory.Write(0, 10);
    populated = true;
    while (!done) continue;
  });
  while (!populated) std::this_thread::yield();
  std::thread([&] {
    pinned = StayOnCpu(1) && pinned;
    const std::unique_ptr<HotnessSource> source = Watching(kKind, memory);
    CHECK(source->Collect().value().chunks.empty());
  }).join();
  done = true;
  other.join();
  if (!pinned) MESSAGE("weaker: not two CPUs to be had");
}

TEST_CASE("a huge page counts as one, however much of it is accessed") {
  if (!Works(kKind)) return;
  const WatchedMemory memory(4);
  REQUIRE(MapAnonymous(memory.chunk(1), kChunkBytes).ok());
  AdviseHugePages(memory.chunk(1), kChunkBytes);
  memory.Write(1, 1);
  const auto begin = reinterpret_cast<uintptr_t>(memory.chunk(1));
  const auto areas = ReadMappingAreas(MappingText::kSmaps, begin, begin + kChunkBytes).value();
  if (areas.front().huge_bytes == 0) {
    MESSAGE("skipped: no huge page to be had");
    return;
  }
  const std::unique_ptr<HotnessSource> source = Watching(kKind, memory);
  memory.Read(1, 512);
  CHECK(AccessesOf(source->Collect().value(), 101).reads == 1);
}

TEST_CASE("a chunk that was moved gets a mapping of its own again") {
  if (!Works(kKind)) return;
  const WatchedMemory memory(5);
  const std::unique_ptr<HotnessSource> source = Watching(kKind, memory);
  CHECK(AreasOf(memory) == 5);
  // Mapped anew as one: the marks are gone.
  REQUIRE(MapAnonymous(memory.chunk(0), memory.bytes()).ok());
  AdviseSmallPages(memory.chunk(0), memory.bytes());
  REQUIRE(PopulateWrite(memory.chunk(0), memory.bytes()).ok());
  CHECK(AreasOf(memory) == 1);
  // Nobody knows whose the accesses were: all get a share.
  CHECK(AccessesOf(source->Collect().value(), 102).reads == 512);
  CHECK(AreasOf(memory) == 5);
  (void)source->Collect();
  memory.Read(2, 5);
  const Collection found = source->Collect().value();
  CHECK(AccessesOf(found, 102).reads == 5);
  CHECK(AccessesOf(found, 101).reads == 0);
}

TEST_CASE("what is no longer watched is merged again") {
  if (!Works(kKind)) return;
  const WatchedMemory memory(7);
  REQUIRE(AreasOf(memory) == 1);
  {
    const std::unique_ptr<HotnessSource> source = Watching(kKind, memory);
    CHECK(AreasOf(memory) == 7);
  }
  CHECK(AreasOf(memory) == 1);
}

TEST_CASE("locked and vanished chunks are left out, the others are counted") {
  if (!Works(kKind)) return;
  const WatchedMemory memory(5);
  REQUIRE(munmap(memory.chunk(4), kChunkBytes) == 0);
  if (mlock(memory.chunk(1), kChunkBytes) != 0) MESSAGE("not locked: errno " << errno);
  const std::unique_ptr<HotnessSource> source =
      std::move(OpenHotnessSource(HotnessKind::kReferenced).value());
  REQUIRE(source->Watch(memory.All()).ok());
  CHECK(source->Collect().value().chunks.empty());
  memory.Read(1, 10);
  memory.Read(2, 10);
  const Collection found = source->Collect().value();
  CHECK(AccessesOf(found, 102).reads == 10);
  CHECK(AccessesOf(found, 104).reads == 0);
}

TEST_CASE("a kernel that does not clear accessed bits is found out by the probe") {
  CHECK(WithSyscallRefused({.syscall_number = SYS_madvise, .error = EPERM}, [] {
    const HotnessProbe probe = ProbeReferenced();
    const Status opened = OpenReferencedSource().status();
    return !probe.available && probe.detail.find("EPERM") != std::string::npos &&
           opened.code() == Code::kUnavailable && opened.error() == EPERM;
  }));
}

}  // namespace memtiers
