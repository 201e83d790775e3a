#include "migrate/move_job.h"

#include <doctest/doctest.h>
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include "base/bytes.h"
#include "memory/file_backend.h"
#include "memory/numa_backend.h"
#include "memory/page_placement.h"
#include "memory/simulated_backend.h"
#include "migrate/page_mover.h"
#include "refusing_kernel.h"
#include "sys/mapping.h"
#include "sys/probe.h"

namespace memtiers {
namespace {

constexpr uint64_t kCapacity = 8 * kChunkBytes;

std::unique_ptr<Heap> OpenHeap() { return std::move(Heap::Open(32 * kChunkBytes).value()); }

uint32_t AddSimulated(Heap& heap, std::optional<int> node = std::nullopt,
                      uint64_t capacity = kCapacity) {
  return heap.AddBackend(std::move(SimulatedBackend::Open(node).value()), capacity).value();
}

uint32_t AddNuma(Heap& heap) {
  return heap.AddBackend(std::move(NumaBackend::Open(0).value()), kCapacity).value();
}

bool CanMove() {
  const Permissions permissions = ProbePermissions();
  return permissions.mbind == 0 && permissions.move_pages == 0;
}

}  // namespace

TEST_CASE("pages arrive on the node, never-touched ones included, and keep their bytes") {
  if (!CanMove()) return;
  std::byte* const base = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
  REQUIRE(MapAnonymous(base, kChunkBytes).ok());
  std::memset(base, 7, kChunkBytes / 2);
  const PageMoveResult result = MovePagesToNode(base, kChunkBytes, 0);
  CHECK(result.complete());
  CHECK(result.pages == kChunkBytes / PageBytes());
  CHECK(FindPlacement(base, kChunkBytes).pages_by_node.at(0) == result.pages);
  CHECK(base[kChunkBytes / 2 - 1] == std::byte{7});
  CHECK(base[kChunkBytes / 2] == std::byte{0});
  ReleaseAddressSpace(base, kChunkBytes);
}

TEST_CASE("pages that were only read so far arrive, too") {
  if (!CanMove()) return;
  std::byte* const base = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
  REQUIRE(MapAnonymous(base, kChunkBytes).ok());
  REQUIRE(PopulateRead(base, kChunkBytes).ok());
  CHECK(MovePagesToNode(base, kChunkBytes, 0).complete());
  CHECK(FindPlacement(base, kChunkBytes).absent_pages == 0);
  ReleaseAddressSpace(base, kChunkBytes);
}

TEST_CASE("a move to a node that is not there fails whole, with the reason for every page") {
  if (!CanMove()) return;
  const auto heap = OpenHeap();
  const uint32_t memory = AddSimulated(*heap);
  const uint32_t first = heap->Allocate(memory, 1).value();
  std::byte* const address = heap->RunAt(first).value().address;
  const PageMoveResult result = MovePagesToNode(address, kChunkBytes, 900);
  CHECK(result.arrived == 0);
  CHECK(result.reasons.size() == 1);
  CHECK(result.reasons.begin()->second == result.pages);
}

TEST_CASE("poisoned pages stay, under their name, and are not tried again") {
  if (!CanMove()) return;
  // As the kernel answers for a poisoned page: nothing there to move, and not to be populated.
  CHECK(WithSyscallRefused({.syscall_number = SYS_madvise, .error = EHWPOISON}, [] {
    const auto heap = OpenHeap();
    const uint32_t memory = AddSimulated(*heap);
    const uint32_t first = heap->Allocate(memory, 1).value();
    std::byte* const address = heap->RunAt(first).value().address;
    const uint64_t pages = kChunkBytes / PageBytes();
    std::memset(address, 7, PageBytes());
    const PageMoveResult direct = MovePagesToNode(address, kChunkBytes, 0);
    if (!direct.lost || direct.arrived != 1) return false;
    if (direct.reasons != std::map<std::string, uint64_t>{{"EHWPOISON", pages - 1}}) return false;
    const uint32_t numa =
        heap->AddBackend(std::move(NumaBackend::Open(0).value()), kCapacity).value();
    MoveJob job = std::move(MoveJob::Begin(*heap, first, 1, numa).value());
    job.Run();
    const MoveResult result = job.Finish(*heap);
    return result.failed == 1 && result.applied == 0 && result.reasons.contains("EHWPOISON") &&
           heap->BackendOf(first).value() == memory && address[PageBytes() - 1] == std::byte{7};
  }));
}

TEST_CASE("the books follow the pages") {
  if (!CanMove()) return;
  const auto heap = OpenHeap();
  const uint32_t from = AddSimulated(*heap);
  const uint32_t to = AddNuma(*heap);
  const uint32_t first = heap->Allocate(from, 3).value();
  auto job = MoveJob::Begin(*heap, first + 1, 2, to);
  REQUIRE(job.ok());
  CHECK(heap->Stats(to).value().mapped_bytes == 2 * kChunkBytes);
  job.value().Run();
  const MoveResult result = job.value().Finish(*heap);
  CHECK(result.tried == 2);
  CHECK(result.applied == 2);
  CHECK(result.failed == 0);
  CHECK(heap->BackendOf(first).value() == from);
  CHECK(heap->BackendOf(first + 2).value() == to);
  CHECK(heap->Stats(from).value().mapped_bytes == kChunkBytes);
  CHECK(heap->Stats(to).value().mapped_bytes == 2 * kChunkBytes);
}

TEST_CASE("between backends of the same memory only the books change") {
  const auto heap = OpenHeap();
  const uint32_t from = AddSimulated(*heap);
  const uint32_t to = AddSimulated(*heap);
  const uint32_t first = heap->Allocate(from, 2).value();
  auto job = MoveJob::Begin(*heap, first, 2, to);
  REQUIRE(job.ok());
  job.value().Run();
  const MoveResult result = job.value().Finish(*heap);
  CHECK(result.applied == 2);
  CHECK(result.copied_bytes == 0);
  CHECK(heap->BackendOf(first + 1).value() == to);
}

TEST_CASE("a refused move is a failure with its errno and changes no books") {
  for (const long refused : {SYS_mbind, SYS_move_pages}) {
    CHECK(WithSyscallRefused({.syscall_number = refused, .error = EPERM}, [] {
      const auto heap = OpenHeap();
      const uint32_t from = AddSimulated(*heap);
      const uint32_t to = AddNuma(*heap);
      const uint32_t first = heap->Allocate(from, 2).value();
      auto job = MoveJob::Begin(*heap, first, 2, to);
      if (!job.ok()) return false;
      job.value().Run();
      const MoveResult result = job.value().Finish(*heap);
      return result.applied == 0 && result.failed == 2 &&
             result.reasons.at("EPERM") == 2 * kChunkBytes / PageBytes() &&
             heap->BackendOf(first).value() == from && heap->Stats(to).value().mapped_bytes == 0 &&
             heap->Stats(from).value().mapped_bytes == 2 * kChunkBytes;
    }));
  }
}

TEST_CASE("moves that cannot be are refused before they begin") {
  const auto heap = OpenHeap();
  const uint32_t memory = AddSimulated(*heap);
  const uint32_t small = AddSimulated(*heap, std::nullopt, kChunkBytes);
  const uint32_t file =
      heap->AddBackend(
              std::move(
                  FileBackend::Open({.directory = "/tmp", .capacity_bytes = kCapacity}).value()),
              kCapacity)
          .value();
  const uint32_t first = heap->Allocate(memory, 2).value();
  const uint32_t in_file = heap->Allocate(file, 1).value();
  CHECK(MoveJob::Begin(*heap, first, 2, file).status().code() == Code::kInvalid);
  CHECK(MoveJob::Begin(*heap, in_file, 1, memory).status().code() == Code::kInvalid);
  CHECK(MoveJob::Begin(*heap, first, 3, small).status().code() == Code::kInvalid);
  CHECK(MoveJob::Begin(*heap, first, 2, small).status().code() == Code::kFull);
  CHECK(MoveJob::Begin(*heap, first, 1, 7).status().code() == Code::kInvalid);
  auto job = MoveJob::Begin(*heap, first, 1, small);
  REQUIRE(job.ok());
  CHECK(MoveJob::Begin(*heap, first + 1, 1, memory).status().code() == Code::kBusy);
  job.value().Run();
  (void)job.value().Finish(*heap);
  CHECK(MoveJob::Begin(*heap, first + 1, 1, memory).ok());
}

TEST_CASE("a run freed or a heap closed during a move is given back when the move ends") {
  const auto heap = OpenHeap();
  const uint32_t from = AddSimulated(*heap);
  const uint32_t to = AddSimulated(*heap, 0);
  const uint32_t first = heap->Allocate(from, 1).value();
  auto job = MoveJob::Begin(*heap, first, 1, to);
  REQUIRE(job.ok());
  REQUIRE(heap->Free(first).ok());
  std::thread([&] { job.value().Run(); }).join();
  (void)job.value().Finish(*heap);
  CHECK(heap->Stats(from).value().mapped_bytes == 0);
  CHECK(heap->Stats(to).value().mapped_bytes == 0);

  const uint32_t second = heap->Allocate(from, 1).value();
  auto last = MoveJob::Begin(*heap, second, 1, to);
  REQUIRE(last.ok());
  heap->Close();
  last.value().Run();
  CHECK(last.value().Finish(*heap).tried == 1);
}

TEST_CASE("no write is lost while pages move under a writer") {
  if (!CanMove()) return;
  const auto heap = OpenHeap();
  const uint32_t backends[] = {AddSimulated(*heap), AddNuma(*heap)};
  const uint32_t first = heap->Allocate(backends[0], 2).value();
  std::byte* const address = heap->RunAt(first).value().address;
  std::atomic<bool> stop = false;
  std::atomic<bool> started = false;
  uint64_t writes = 0;
  uint64_t lost = 0;
  std::thread writer([&] {
    constexpr size_t kWords = 2 * kChunkBytes / sizeof(uint64_t);
    auto* const words = reinterpret_cast<uint64_t*>(address);
    for (uint64_t i = 0; !stop.load(std::memory_order_relaxed); ++i) {
      const size_t at = i * 4099 % kWords;
      const uint64_t expected = i < kWords ? 0 : i - kWords + 1;
      if (words[at] != expected) ++lost;
      words[at] = i + 1;
      ++writes;
      started.store(true, std::memory_order_relaxed);
    }
  });
  // On a busy machine the thread may come to run when all is over.
  while (!started.load(std::memory_order_relaxed)) std::this_thread::yield();
  uint32_t moved = 0;
  for (int round = 0; round < 50; ++round) {
    auto job = MoveJob::Begin(*heap, first, 2, backends[(round + 1) % 2]);
    REQUIRE(job.ok());
    job.value().Run();
    moved += job.value().Finish(*heap).applied;
  }
  stop = true;
  writer.join();
  CHECK(moved > 0);
  CHECK(writes > 0);
  CHECK(lost == 0);
}

}  // namespace memtiers
