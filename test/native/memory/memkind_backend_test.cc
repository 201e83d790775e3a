#include "memory/memkind_backend.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/bytes.h"
#include "lossy_file.h"
#include "memory/heap.h"
#include "memory/memkind_plugin.h"
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

TEST_CASE("a memkind run that lost bytes is named, flushed no more and never used again") {
  constexpr uint64_t kCapacity = 8 * kChunkBytes;
  auto opened = MemkindBackend::Open({.kind = MEMTIERS_MEMKIND_PMEM,
                                      .directory = "/tmp",
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
                                      .directory = "/tmp",
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
