#include "memory/file_backend.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "full_disk.h"
#include "lossy_file.h"
#include "memory/heap.h"
#include "refusing_kernel.h"
#include "sys/backing_file.h"
#include "sys/mapping.h"

namespace memtiers {
namespace {

struct FileHeap {
  explicit FileHeap(const FileBackendParams& params)
      : heap(std::move(Heap::Open(64 * kChunkBytes).value())),
        backend(
            heap->AddBackend(std::move(FileBackend::Open(params).value()), params.capacity_bytes)
                .value()) {}

  std::byte* AddressOf(uint32_t first) const { return heap->RunAt(first).value().address; }

  std::unique_ptr<Heap> heap;
  uint32_t backend;
};

}  // namespace

TEST_CASE("a full disk refuses the run and every chunk that was given can be written") {
  const FullDisk disk(3 * kChunkBytes);
  if (!disk.mounted()) return;
  const FileHeap file({.directory = disk.path(), .capacity_bytes = 32 * kChunkBytes});
  CHECK(file.heap->Allocate(file.backend, 8).status().code() == Code::kFull);
  uint32_t given = 0;
  for (;; ++given) {
    const Result<uint32_t> first = file.heap->Allocate(file.backend, 1);
    if (!first.ok()) {
      CHECK(first.status().code() == Code::kFull);
      CHECK(first.status().error() == ENOSPC);
      break;
    }
    std::memset(file.AddressOf(first.value()), 0xff, kChunkBytes);
  }
  CHECK(given >= 2);
  CHECK(file.heap->Stats(file.backend).value().mapped_bytes == given * kChunkBytes);
  // Somebody else's data, which a failed allocation must not have displaced.
  CHECK(file.AddressOf(0)[kChunkBytes - 1] == std::byte{0xff});
}

TEST_CASE("a file on a file system in memory is not durable, and says so") {
  const FullDisk disk(3 * kChunkBytes);
  if (!disk.mounted()) return;
  const FileHeap file({.directory = disk.path(), .capacity_bytes = 2 * kChunkBytes});
  const uint32_t first = file.heap->Allocate(file.backend, 1).value();
  const HeapBackendStats stats = file.heap->Stats(file.backend).value();
  CHECK_FALSE(stats.durable);
  CHECK(stats.note.find("not durable") != std::string::npos);
  CHECK_FALSE(file.heap->backend(file.backend).Flush(file.AddressOf(first), kChunkBytes).value());
  const FileHeap disk_file({.directory = "/var/tmp", .capacity_bytes = 2 * kChunkBytes});
  CHECK(disk_file.heap->Stats(disk_file.backend).value().durable);
}

TEST_CASE("a file size limit refuses the run without a signal") {
  const FileHeap file({.directory = "/tmp", .capacity_bytes = 8 * kChunkBytes});
  const FileSizeLimit limit(2 * kChunkBytes);
  CHECK(file.heap->Allocate(file.backend, 2).ok());
  CHECK(file.heap->Allocate(file.backend, 1).status().code() == Code::kFull);
}

TEST_CASE("freed space is given back to the disk and reads as zero when taken again") {
  const FullDisk disk(3 * kChunkBytes);
  if (!disk.mounted()) return;
  const FileHeap file({.directory = disk.path(), .capacity_bytes = 32 * kChunkBytes});
  for (int round = 0; round < 10; ++round) {
    const Result<uint32_t> first = file.heap->Allocate(file.backend, 2);
    REQUIRE(first.ok());
    CHECK(file.AddressOf(first.value())[kChunkBytes] == std::byte{0});
    std::memset(file.AddressOf(first.value()), 0xff, 2 * kChunkBytes);
    REQUIRE(file.heap->Free(first.value()).ok());
  }
}

TEST_CASE("what one file releases on a full disk, another has at once") {
  const FullDisk disk(9 * kChunkBytes);
  if (!disk.mounted()) return;
  const FileBackendParams params = {.directory = disk.path(), .capacity_bytes = 8 * kChunkBytes};
  FileHeap one(params);
  FileHeap other(params);
  for (int round = 0; round < 50; ++round) {
    const Result<uint32_t> first = one.heap->Allocate(one.backend, 8);
    REQUIRE(first.ok());
    for (uint32_t i = 0; i < 8; ++i) one.AddressOf(first.value())[i * kChunkBytes] = std::byte{1};
    REQUIRE(one.heap->Free(first.value()).ok());
    std::swap(one, other);
  }
}

TEST_CASE("a file that is closed gives all its blocks back at once, those on their way too") {
  const FullDisk disk(9 * kChunkBytes);
  if (!disk.mounted()) return;
  for (int round = 0; round < 20; ++round) {
    const FileHeap file({.directory = disk.path(), .capacity_bytes = 8 * kChunkBytes});
    for (int i = 0; i < 4; ++i) REQUIRE(file.heap->Allocate(file.backend, 2).ok());
    file.heap->Close();
  }
}

TEST_CASE("a file system that cannot punch holes, or allocate at all, still gives zeroes") {
  for (const uint32_t refused_modes : {uint32_t{FALLOC_FL_PUNCH_HOLE}, uint32_t{0}}) {
    CHECK(WithSyscallRefused(
        {.syscall_number = SYS_fallocate,
         .error = EOPNOTSUPP,
         .second_argument_bits = refused_modes},
        [] {
          const FileHeap file({.directory = "/tmp", .capacity_bytes = 2 * kChunkBytes});
          for (int round = 0; round < 3; ++round) {
            const uint32_t first = file.heap->Allocate(file.backend, 2).value();
            std::byte* const bytes = file.AddressOf(first);
            if (bytes[kChunkBytes + 5] != std::byte{0}) return false;
            std::memset(bytes, 0xff, 2 * kChunkBytes);
            if (!file.heap->Free(first).ok()) return false;
          }
          return true;
        }));
  }
}

TEST_CASE("a run spans pieces of the file when no piece is long enough") {
  const FileHeap file({.directory = "/tmp", .capacity_bytes = 6 * kChunkBytes});
  std::vector<uint32_t> runs;
  for (int i = 0; i < 6; ++i) runs.push_back(file.heap->Allocate(file.backend, 1).value());
  for (const size_t i : {0U, 2U, 4U}) REQUIRE(file.heap->Free(runs[i]).ok());
  const Result<uint32_t> first = file.heap->Allocate(file.backend, 3);
  REQUIRE(first.ok());
  std::memset(file.AddressOf(first.value()), 1, 3 * kChunkBytes);
  CHECK(file.AddressOf(runs[1])[0] == std::byte{0});
  CHECK(file.AddressOf(runs[5])[kChunkBytes - 1] == std::byte{0});
}

TEST_CASE("a place is written without a mapping, and its mappings show the bytes") {
  const auto file = std::move(
      FileBackend::Open({.directory = "/tmp", .capacity_bytes = 2 * kChunkBytes}).value());
  REQUIRE(file->writes_unmapped());
  (void)file->Obtain().value();
  const Backing place = file->Obtain().value();
  CHECK(file->Obtain().status().code() == Code::kFull);
  std::vector<std::byte> bytes(kChunkBytes, std::byte{1});
  REQUIRE(file->Write(place, 0, bytes).ok());
  std::byte* const mapped = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
  REQUIRE(file->MapAgain(mapped, place).ok());
  bytes[5000] = std::byte{2};
  REQUIRE(file->Write(place, 4096, std::span(bytes).subspan(4096, 4096)).ok());
  CHECK(std::memcmp(mapped, bytes.data(), kChunkBytes) == 0);
  ReleaseAddressSpace(mapped, kChunkBytes);
  file->Release(std::span(&place, 1));
  CHECK(file->Obtain().ok());
}

TEST_CASE(
    "a full disk and a file size limit refuse a place, and what was obtained can be written") {
  const FullDisk disk(3 * kChunkBytes);
  if (!disk.mounted()) return;
  const auto file = std::move(
      FileBackend::Open({.directory = disk.path(), .capacity_bytes = 8 * kChunkBytes}).value());
  const std::vector<std::byte> bytes(kChunkBytes, std::byte{1});
  std::vector<Backing> places;
  Result<Backing> place = file->Obtain();
  for (; place.ok(); place = file->Obtain()) places.push_back(place.value());
  CHECK(place.status().code() == Code::kFull);
  CHECK(place.status().error() == ENOSPC);
  REQUIRE(places.size() >= 2);
  for (const Backing& obtained : places) CHECK(file->Write(obtained, 0, bytes).ok());
  // Lowered since: an error, and not the signal that ends a process.
  const FileSizeLimit limit(kChunkBytes);
  CHECK(file->Write(places[1], 0, bytes).code() == Code::kFull);
}

TEST_CASE("memory that is lost while it is written to a file is said to be") {
  const auto file =
      std::move(FileBackend::Open({.directory = "/tmp", .capacity_bytes = kChunkBytes}).value());
  const Backing place = file->Obtain().value();
  const LossyFile lossy(kChunkBytes);
  std::byte* const memory = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
  REQUIRE(MapFile(memory, kChunkBytes, {.fd = lossy.fd()}).ok());
  CHECK(file->Write(place, 0, std::span(memory, kChunkBytes)).ok());
  lossy.CutTo(kChunkBytes / 2);
  CHECK(file->Write(place, 0, std::span(memory, kChunkBytes)).code() == Code::kLost);
  ReleaseAddressSpace(memory, kChunkBytes);
}

TEST_CASE("instances in one directory are independent") {
  const FileHeap one({.directory = "/tmp", .capacity_bytes = kChunkBytes});
  const FileHeap other({.directory = "/tmp", .capacity_bytes = kChunkBytes});
  const uint32_t first = one.heap->Allocate(one.backend, 1).value();
  const uint32_t second = other.heap->Allocate(other.backend, 1).value();
  std::memset(one.AddressOf(first), 1, kChunkBytes);
  CHECK(other.AddressOf(second)[0] == std::byte{0});
}

TEST_CASE("a directory that does not map persistent memory says so") {
  const FileHeap file({.directory = "/tmp", .capacity_bytes = kChunkBytes, .dax = true});
  CHECK(file.heap->Stats(file.backend).value().note.find("without MAP_SYNC") != std::string::npos);
  CHECK(file.heap->Allocate(file.backend, 1).ok());
}

TEST_CASE("a directory that is not there is unavailable") {
  CHECK(FileBackend::Open({.directory = "/no/such/directory"}).status().code() ==
        Code::kUnavailable);
}

}  // namespace memtiers
