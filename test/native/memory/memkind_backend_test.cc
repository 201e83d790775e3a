#include "memory/memkind_backend.h"

#include <doctest/doctest.h>
#include <sys/syscall.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/bytes.h"
#include "full_disk.h"
#include "lossy_file.h"
#include "memory/heap.h"
#include "memory/memkind_plugin.h"
#include "refusing_kernel.h"
#include "sys/backing_file.h"
#include "sys/file_system.h"
#include "sys/probe.h"

namespace memtiers {

TEST_CASE("without the plugin memkind is unavailable, with the loader's reason") {
  const Status status =
      MemkindBackend::Open({.plugin_path = "/no/such/memkind_backend.so"}).status();
  CHECK(status.code() == Code::kUnavailable);
  CHECK(status.what().find("/no/such/memkind_backend.so") != std::string::npos);
}

TEST_CASE("a library that is not the plugin is unavailable") {
  const Status status = LoadMemkindPlugin("libm.so.6").status();
  CHECK(status.code() == Code::kUnavailable);
  CHECK(status.what().find("not the memkind plugin") != std::string::npos);
}

TEST_CASE("the plugin is looked for beside the library") {
  CHECK(MemkindPluginPath().ends_with("/memkind_backend.so"));
}

#ifdef MEMTIERS_MEMKIND_PLUGIN

// A memkind heap with a run in use, and room for another one.
struct MemkindHeap {
  static constexpr uint32_t kChunks = 12;

  explicit MemkindHeap(const std::string& directory) {
    constexpr uint64_t kCapacity = 32 * kChunkBytes;
    auto opened = MemkindBackend::Open({.kind = MEMTIERS_MEMKIND_PMEM,
                                        .directory = directory,
                                        .capacity_bytes = kCapacity,
                                        .plugin_path = MEMTIERS_MEMKIND_PLUGIN});
    REQUIRE(opened.ok());
    backend = heap->AddBackend(std::move(opened.value()), kCapacity).value();
    REQUIRE(heap->Allocate(backend, 1).ok());
  }

  // A run is refused while it is cleared, not by memkind, and nothing else changes.
  bool Refuses(Code code, uint64_t retired) const {
    const Status refused = heap->Allocate(backend, kChunks).status();
    const HeapBackendStats stats = heap->Stats(backend).value();
    return refused.code() == code &&
           refused.what().find("could not be cleared") != std::string::npos &&
           stats.mapped_bytes == kChunkBytes && stats.retired_chunks == retired &&
           heap->DamagedRanges().empty();
  }

  std::unique_ptr<Heap> heap = std::move(Heap::Open(64 * kChunkBytes).value());
  uint32_t backend = 0;
};

// A call that does nothing and succeeds: memkind's file has no blocks, so to touch it is a SIGBUS.
constexpr Refusal kNoBlocks = {.syscall_number = SYS_fallocate, .error = 0};

TEST_CASE("a memkind run that cannot be brought in is refused and never used again") {
  const MemkindHeap memkind("/var/tmp");
  CHECK(memkind.heap->Stats(memkind.backend).value().durable);
  CHECK(WithSyscallRefused(kNoBlocks,
                           [&] { return memkind.Refuses(Code::kIo, MemkindHeap::kChunks); }));
}

TEST_CASE("a memkind run that fails is survived where pages have to be touched") {
  const MemkindHeap memkind("/var/tmp");
  CHECK(WithSyscallRefused(kNoBlocks, [&] {
    // As before Linux 5.14.
    return WithSyscallRefused({.syscall_number = SYS_madvise, .error = EINVAL},
                              [&] { return memkind.Refuses(Code::kIo, MemkindHeap::kChunks); });
  }));
}

TEST_CASE("a memkind run that finds the disk full is refused, and its place can be used later") {
  const FullDisk disk(64 * kMiB);
  if (!disk.mounted()) return;
  const MemkindHeap memkind(disk.path());
  CHECK_FALSE(memkind.heap->Stats(memkind.backend).value().durable);
  const UniqueFd others = std::move(OpenUnnamedFile(disk.path()).value());
  REQUIRE(AllocateRange(others.get(), 0, InspectFileSystem(disk.path()).value().free_bytes).ok());
  CHECK(WithSyscallRefused(kNoBlocks, [&] { return memkind.Refuses(Code::kFull, 0); }));
}

TEST_CASE("a memkind run on a bad page is refused and never used again") {
  CHECK(WithSyscallRefused({.syscall_number = SYS_madvise, .error = EHWPOISON}, [] {
    auto opened = MemkindBackend::Open({.kind = MEMTIERS_MEMKIND_PMEM,
                                        .directory = "/var/tmp",
                                        .capacity_bytes = 4 * kChunkBytes,
                                        .plugin_path = MEMTIERS_MEMKIND_PLUGIN});
    if (!opened.ok()) return false;
    Backend& memkind = *opened.value();
    return memkind.Map({.chunks = 2}).status().code() == Code::kIo && memkind.retired_chunks() == 2;
  }));
}

TEST_CASE("a memkind run that lost bytes is named, flushed no more and never used again") {
  constexpr uint64_t kCapacity = 8 * kChunkBytes;
  auto opened = MemkindBackend::Open({.kind = MEMTIERS_MEMKIND_PMEM,
                                      .directory = "/var/tmp",
                                      .capacity_bytes = kCapacity,
                                      .plugin_path = MEMTIERS_MEMKIND_PLUGIN});
  REQUIRE(opened.ok());
  const auto heap = std::move(Heap::Open(64 * kChunkBytes).value());
  const uint32_t backend = heap->AddBackend(std::move(opened.value()), kCapacity).value();
  const uint32_t first = heap->Allocate(backend, 3).value();
  std::byte* const address = heap->RunAt(first).value().address;
  CHECK(heap->backend(backend).Flush(address, kChunkBytes).value());
  ReportMemoryError(address + kChunkBytes + 5 * PageBytes(), BUS_MCEERR_AR, 12);
  const std::vector<DamagedRange> damage = heap->DamagedRanges();
  REQUIRE(damage.size() == 1);
  CHECK(damage[0].chunk == first + 1);
  CHECK(damage[0].byte_offset == 5 * PageBytes());
  REQUIRE(heap->Free(first).ok());
  CHECK(heap->DamagedRanges().empty());
  CHECK(heap->Stats(backend).value().retired_chunks == 3);
  CHECK(heap->Stats(backend).value().mapped_bytes == 0);
  CHECK(heap->Allocate(backend, 6).status().code() == Code::kFull);
  const uint32_t second = heap->Allocate(backend, 5).value();
  std::byte* const other = heap->RunAt(second).value().address;
  CHECK((other + 5 * kChunkBytes <= address || other >= address + 3 * kChunkBytes));
}

TEST_CASE("the plugin loads and tells the library's version") {
  const auto api = LoadMemkindPlugin(MEMTIERS_MEMKIND_PLUGIN);
  REQUIRE(api.ok());
  CHECK(MemkindVersion(*api.value()).starts_with("memkind 1."));
}

TEST_CASE("a kind this machine has no memory for is unavailable, with memkind's reason") {
  const auto opened = MemkindBackend::Open(
      {.kind = MEMTIERS_MEMKIND_DAX_KMEM, .plugin_path = MEMTIERS_MEMKIND_PLUGIN});
  if (opened.ok()) return;  // this machine has some
  CHECK(opened.status().code() == Code::kUnavailable);
  CHECK(opened.status().what().find("memkind") != std::string::npos);
}

TEST_CASE("runs of a memkind file are aligned, zero-filled and at addresses of their own") {
  constexpr uint64_t kCapacity = 8 * kChunkBytes;
  auto opened = MemkindBackend::Open({.kind = MEMTIERS_MEMKIND_PMEM,
                                      .directory = "/var/tmp",
                                      .capacity_bytes = kCapacity,
                                      .plugin_path = MEMTIERS_MEMKIND_PLUGIN});
  REQUIRE(opened.ok());
  const auto heap = std::move(Heap::Open(64 * kChunkBytes).value());
  const uint32_t backend = heap->AddBackend(std::move(opened.value()), kCapacity).value();
  CHECK_FALSE(heap->Stats(backend).value().fixed_address);
  for (int round = 0; round < 3; ++round) {
    std::vector<uint32_t> runs;
    for (const uint32_t chunks : {1U, 3U, 4U}) {
      const Result<uint32_t> first = heap->Allocate(backend, chunks);
      REQUIRE(first.ok());
      const RunView run = heap->RunAt(first.value()).value();
      CHECK(IsAligned(reinterpret_cast<uintptr_t>(run.address), kChunkBytes));
      CHECK(run.address[chunks * kChunkBytes - 1] == std::byte{0});
      std::memset(run.address, 0xff, chunks * kChunkBytes);
      runs.push_back(first.value());
    }
    CHECK(heap->Allocate(backend, 1).status().code() == Code::kFull);
    for (const uint32_t first : runs) REQUIRE(heap->Free(first).ok());
  }
  CHECK(heap->Stats(backend).value().mapped_bytes == 0);
}

TEST_CASE("a memkind file in a directory that is not there is unavailable, and says which") {
  const auto opened = MemkindBackend::Open({.kind = MEMTIERS_MEMKIND_PMEM,
                                            .directory = "/no/such/directory",
                                            .capacity_bytes = kChunkBytes,
                                            .plugin_path = MEMTIERS_MEMKIND_PLUGIN});
  CHECK(opened.status().code() == Code::kUnavailable);
  CHECK(opened.status().error() == ENOENT);
  CHECK(opened.status().what().find("/no/such/directory") != std::string::npos);
}

#endif

}  // namespace memtiers
