#include "memory/persistent_backend.h"

#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/bytes.h"
#include "full_disk.h"
#include "memory/heap.h"
#include "refusing_kernel.h"
#include "sys/mapping.h"

namespace memtiers {
namespace {

// A folder that goes with the test, on a disk: /tmp can be in memory.
struct Folder {
  Folder() {
    char name[] = "/var/tmp/memory-tiers-persistent-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }

  std::string path;
};

struct PersistentHeap {
  PersistentHeap(const std::string& path, uint32_t chunks)
      : heap(std::move(Heap::Open(16 * kChunkBytes).value())),
        backend(
            heap->AddBackend(std::move(PersistentBackend::Open(
                                           {.path = path, .capacity_bytes = chunks * kChunkBytes})
                                           .value()),
                             chunks * kChunkBytes)
                .value()),
        first(heap->Allocate(backend, chunks)) {}

  std::byte* bytes() const { return heap->RunAt(first.value()).value().address; }

  std::unique_ptr<Heap> heap;
  uint32_t backend;
  Result<uint32_t> first;
};

}  // namespace

TEST_CASE(
    "what was written to a named file is there when it is opened again, and grows with zeroes") {
  const Folder folder;
  const std::string path = folder.path + "/data";
  {
    const PersistentHeap made(path, 2);
    REQUIRE(made.first.ok());
    CHECK(made.bytes()[0] == std::byte{0});
    std::memset(made.bytes(), 0x5a, 2 * kChunkBytes);
    const Result<bool> flushed = made.heap->backend(made.backend).Flush(made.bytes(), kChunkBytes);
    CHECK(flushed.ok());
    CHECK(flushed.value());
  }
  CHECK(std::filesystem::file_size(path) == 2 * kChunkBytes);
  const PersistentHeap again(path, 3);
  REQUIRE(again.first.ok());
  CHECK(again.bytes()[0] == std::byte{0x5a});
  CHECK(again.bytes()[2 * kChunkBytes - 1] == std::byte{0x5a});
  CHECK(again.bytes()[2 * kChunkBytes] == std::byte{0});
}

TEST_CASE("a file keeps its contents where blocks cannot be allocated") {
  const Folder folder;
  const std::string path = folder.path + "/data";
  {
    const PersistentHeap made(path, 2);
    std::memset(made.bytes(), 0x5a, 2 * kChunkBytes);
  }
  CHECK(WithSyscallRefused({.syscall_number = SYS_fallocate, .error = EOPNOTSUPP}, [&] {
    const PersistentHeap again(path, 3);
    return again.first.ok() && again.bytes()[0] == std::byte{0x5a} &&
           again.bytes()[2 * kChunkBytes - 1] == std::byte{0x5a} &&
           again.bytes()[3 * kChunkBytes - 1] == std::byte{0};
  }));
}

TEST_CASE("after a failed flush every other one fails until the file is opened again") {
  const Folder folder;
  const std::string path = folder.path + "/data";
  {
    const PersistentHeap made(path, 2);
    const Backend& file = made.heap->backend(made.backend);
    CHECK(made.heap->Stats(made.backend).value().durable);
    std::byte* const nowhere = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
    ReleaseAddressSpace(nowhere, kChunkBytes);
    CHECK(file.Flush(made.bytes(), kChunkBytes).value());
    CHECK_FALSE(file.Flush(nowhere, kChunkBytes).ok());  // ENOMEM: nothing is mapped there
    const Status later = file.Flush(made.bytes(), kChunkBytes).status();
    CHECK(later.code() == Code::kIo);
    CHECK(later.what().find("earlier write-back failed") != std::string::npos);
  }
  const PersistentHeap again(path, 2);
  CHECK(again.heap->backend(again.backend).Flush(again.bytes(), kChunkBytes).value());
}

TEST_CASE("a file in memory is not durable, and says so instead of flushing") {
  const FullDisk disk(3 * kChunkBytes);
  if (!disk.mounted()) return;
  const PersistentHeap made(disk.path() + "/data", 1);
  REQUIRE(made.first.ok());
  CHECK_FALSE(made.heap->Stats(made.backend).value().durable);
  CHECK_FALSE(made.heap->backend(made.backend).Flush(made.bytes(), kChunkBytes).value());
}

TEST_CASE("a longer file keeps what lies beyond the part that is opened") {
  const Folder folder;
  const std::string path = folder.path + "/data";
  {
    const PersistentHeap made(path, 2);
    made.bytes()[2 * kChunkBytes - 1] = std::byte{7};
  }
  {
    const PersistentHeap part(path, 1);
  }
  const PersistentHeap again(path, 2);
  CHECK(again.bytes()[2 * kChunkBytes - 1] == std::byte{7});
}

TEST_CASE("a file belongs to one backend at a time, and is one run") {
  const Folder folder;
  const std::string path = folder.path + "/data";
  const PersistentHeap made(path, 1);
  CHECK(PersistentBackend::Open({.path = path, .capacity_bytes = kChunkBytes}).status().code() ==
        Code::kBusy);
  CHECK_FALSE(made.heap->Allocate(made.backend, 1).ok());
  made.bytes()[0] = std::byte{3};
  CHECK(made.heap->Free(made.first.value()).ok());
  const Result<uint32_t> next = made.heap->Allocate(made.backend, 1);
  REQUIRE(next.ok());
  CHECK(made.heap->RunAt(next.value()).value().address[0] == std::byte{3});
}

TEST_CASE("a full disk refuses the region and leaves a file without it") {
  const FullDisk disk(3 * kChunkBytes);
  if (!disk.mounted()) return;
  const PersistentHeap refused(disk.path() + "/data", 4);
  CHECK(refused.first.status().code() == Code::kFull);
}

TEST_CASE("a path that cannot be a region is refused with a reason") {
  CHECK(PersistentBackend::Open({.path = "/nowhere/data", .capacity_bytes = kChunkBytes})
            .status()
            .code() == Code::kUnavailable);
  CHECK_FALSE(PersistentBackend::Open({.path = "/tmp", .capacity_bytes = kChunkBytes}).ok());
  CHECK(PersistentBackend::Open({.path = "/dev/zero", .capacity_bytes = kChunkBytes})
            .status()
            .code() == Code::kUnavailable);
}

}  // namespace memtiers
