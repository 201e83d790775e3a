#include "track/page_cache_source.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "refusing_kernel.h"
#include "track/watched_memory.h"

namespace memtiers {
namespace {

constexpr HotnessKind kKind = HotnessKind::kPageCache;

// As the kernel does when memory is short.
void DropFromCache(const WatchedMemory& memory, size_t index) {
  REQUIRE(fsync(memory.file()) == 0);
  REQUIRE(madvise(memory.chunk(index), kChunkBytes, MADV_DONTNEED) == 0);
  REQUIRE(posix_fadvise(memory.file(), static_cast<off_t>(index * kChunkBytes), kChunkBytes,
                        POSIX_FADV_DONTNEED) == 0);
}

}  // namespace

TEST_CASE("accesses that brought pages in are found, and none to pages that were there") {
  const WatchedMemory memory(4, WatchedMemory::Kind::kFile);
  for (size_t i = 0; i < 4; ++i) DropFromCache(memory, i);
  // Without reading ahead, so that what comes in is what was accessed.
  REQUIRE(madvise(memory.chunk(0), memory.bytes(), MADV_RANDOM) == 0);
  const std::unique_ptr<HotnessSource> source = Watching(kKind, memory);
  memory.Read(1, 5);
  memory.Write(3, 2);
  const Collection found = source->Collect().value();
  CHECK(found.chunks.size() == 2);
  CHECK(AccessesOf(found, 101).reads == 5);
  CHECK(AccessesOf(found, 103).reads == 2);
  CHECK(found.scanned_bytes == memory.bytes());
  CHECK(found.cost.count() > 0);
  memory.Read(1, 5);
  CHECK(source->Collect().value().chunks.empty());
}

TEST_CASE("pages that were read ahead and not accessed are not counted") {
  const WatchedMemory memory(2, WatchedMemory::Kind::kFile);
  DropFromCache(memory, 0);
  DropFromCache(memory, 1);
  const std::unique_ptr<HotnessSource> source = Watching(kKind, memory);
  std::array<std::byte, kChunkBytes> bytes{};
  REQUIRE(pread(memory.file(), bytes.data(), bytes.size(), 0) == kChunkBytes);
  CHECK(source->Collect().value().chunks.empty());
  memory.Read(0, 1);
  const uint32_t reads = AccessesOf(source->Collect().value(), 100).reads;
  CHECK(reads >= 1);
  CHECK(reads <= 64 / 4);
}

TEST_CASE("other memory has no such pages, also where a chunk has moved there meanwhile") {
  const WatchedMemory memory(2, WatchedMemory::Kind::kFile);
  DropFromCache(memory, 0);
  DropFromCache(memory, 1);
  const std::unique_ptr<HotnessSource> source = Watching(kKind, memory);
  REQUIRE(MapAnonymous(memory.chunk(0), kChunkBytes).ok());
  REQUIRE(munmap(memory.chunk(1), kChunkBytes) == 0);
  memory.Write(0, 512);
  CHECK(source->Collect().value().chunks.empty());
}

TEST_CASE("a refused look at the page tables is a status with its errno") {
  const WatchedMemory memory(1, WatchedMemory::Kind::kFile);
  CHECK(WithSyscallRefused({.syscall_number = SYS_pread64, .error = EPERM}, [&memory] {
    const std::unique_ptr<HotnessSource> source =
        std::move(OpenHotnessSource(HotnessKind::kPageCache).value());
    const bool watched = source->Watch(memory.All()).ok();
    const Status refused = source->Collect().status();
    return watched && refused.error() == EPERM && std::string(refused.syscall()) == "pread";
  }));
}

}  // namespace memtiers
