#include "memory/heap.h"

#include <doctest/doctest.h>

#include <cstring>
#include <thread>

#include "base/bytes.h"
#include "memory/file_backend.h"
#include "memory/mapping_budget.h"
#include "memory/simulated_backend.h"

namespace memtiers {
namespace {

std::unique_ptr<Heap> OpenHeap(size_t chunks) {
  return std::move(Heap::Open(chunks * kChunkBytes).value());
}

uint32_t AddSimulated(Heap& heap, size_t chunks) {
  return heap
      .AddBackend(std::move(SimulatedBackend::Open(std::nullopt).value()), chunks * kChunkBytes)
      .value();
}

}  // namespace

TEST_CASE("a run is zero-filled, also where another one was before") {
  const auto heap = OpenHeap(4);
  const uint32_t backend = AddSimulated(*heap, 4);
  const uint32_t first = heap->Allocate(backend, 2).value();
  std::memset(heap->RunAt(first).value().address, 0xff, 2 * kChunkBytes);
  REQUIRE(heap->Free(first).ok());
  const uint32_t again = heap->Allocate(backend, 2).value();
  CHECK(again == first);
  CHECK(heap->RunAt(again).value().address[kChunkBytes] == std::byte{0});
}

TEST_CASE("a backend's budget is kept, refusals are counted, and freeing makes room") {
  const auto heap = OpenHeap(16);
  const uint32_t backend = AddSimulated(*heap, 3);
  const uint32_t first = heap->Allocate(backend, 2).value();
  CHECK(heap->Allocate(backend, 2).status().code() == Code::kFull);
  CHECK(heap->Stats(backend).value().refused_allocations == 1);
  CHECK(heap->Stats(backend).value().mapped_bytes == 2 * kChunkBytes);
  REQUIRE(heap->Free(first).ok());
  CHECK(heap->Allocate(backend, 3).ok());
}

TEST_CASE("a capacity between chunks is rounded up") {
  const auto heap = OpenHeap(4);
  const uint32_t backend =
      heap->AddBackend(std::move(SimulatedBackend::Open(std::nullopt).value()), kChunkBytes + 1)
          .value();
  CHECK(heap->Allocate(backend, 2).ok());
}

TEST_CASE("an exhausted window is full although the budget is not") {
  const auto heap = OpenHeap(2);
  const uint32_t backend = AddSimulated(*heap, 100);
  REQUIRE(heap->Allocate(backend, 2).ok());
  CHECK(heap->Allocate(backend, 1).status().code() == Code::kFull);
  CHECK(heap->Stats(backend).value().mapped_bytes == 2 * kChunkBytes);
}

TEST_CASE("runs are freed by their first chunk, once") {
  const auto heap = OpenHeap(8);
  const uint32_t backend = AddSimulated(*heap, 8);
  const uint32_t first = heap->Allocate(backend, 3).value();
  CHECK(heap->Free(first + 1).code() == Code::kInvalid);
  CHECK(heap->Free(77).code() == Code::kInvalid);
  CHECK(heap->Free(first).ok());
  CHECK(heap->Free(first).code() == Code::kInvalid);
}

TEST_CASE("chunks are found inside their run and nowhere else") {
  const auto heap = OpenHeap(8);
  const uint32_t backend = AddSimulated(*heap, 8);
  const uint32_t first = heap->Allocate(backend, 3).value();
  CHECK(heap->BackendOf(first + 2).value() == backend);
  CHECK(heap->BackendOf(first + 3).status().code() == Code::kInvalid);
  CHECK(heap->PartOfRun(first + 1, 2).value().address ==
        heap->RunAt(first).value().address + kChunkBytes);
  CHECK(heap->PartOfRun(first + 1, 3).status().code() == Code::kInvalid);
  CHECK(heap->PartOfRun(first, 0).status().code() == Code::kInvalid);
  CHECK(heap->RestOfRun(first + 1).value().chunks == 2);
}

TEST_CASE("a run freed while in use stays mapped until the last use ends") {
  const auto heap = OpenHeap(4);
  const uint32_t backend = AddSimulated(*heap, 4);
  const uint32_t first = heap->Allocate(backend, 1).value();
  std::byte* const address = heap->RunAt(first).value().address;
  heap->BeginUse(first);
  heap->BeginUse(first);
  REQUIRE(heap->Free(first).ok());
  CHECK(heap->RunAt(first).status().code() == Code::kInvalid);
  address[0] = std::byte{1};
  heap->EndUse(first);
  address[0] = std::byte{2};
  CHECK(heap->Stats(backend).value().mapped_bytes == kChunkBytes);
  heap->EndUse(first);
  CHECK(heap->Stats(backend).value().mapped_bytes == 0);
}

TEST_CASE("a closed heap refuses everything and lets uses end") {
  const auto heap = OpenHeap(4);
  const uint32_t backend = AddSimulated(*heap, 4);
  const uint32_t used = heap->Allocate(backend, 1).value();
  const uint32_t idle = heap->Allocate(backend, 1).value();
  std::byte* const address = heap->RunAt(used).value().address;
  heap->BeginUse(used);
  heap->Close();
  heap->Close();
  address[0] = std::byte{1};
  CHECK(heap->Allocate(backend, 1).status().code() == Code::kClosed);
  CHECK(heap->Free(idle).code() == Code::kClosed);
  CHECK(heap->BackendOf(used).status().code() == Code::kClosed);
  CHECK(heap->Stats(backend).status().code() == Code::kClosed);
  CHECK(heap->AddBackend(std::move(SimulatedBackend::Open(std::nullopt).value()), 1)
            .status()
            .code() == Code::kClosed);
  heap->EndUse(used);
}

TEST_CASE("a closed heap lets go of its backends when the last use has ended") {
  struct Watched final : Backend {
    explicit Watched(bool& gone) : gone_(gone) {}
    ~Watched() override { gone_ = true; }
    BackendKind kind() const override { return BackendKind::kSimulated; }
    Result<MappedRun> Map(const MapRequest& request) override {
      return MappedRun{.address = request.address,
                       .backings = std::vector<Backing>(request.chunks)};
    }
    void Release(std::span<const Backing> /*backings*/) override {}
    Status Prefault(std::byte* /*address*/, size_t /*bytes*/) const override { return {}; }
    bool& gone_;
  };
  bool gone = false;
  const auto heap = OpenHeap(4);
  const uint32_t backend = heap->AddBackend(std::make_unique<Watched>(gone), kChunkBytes).value();
  const uint32_t first = heap->Allocate(backend, 1).value();
  heap->BeginUse(first);
  heap->Close();
  CHECK_FALSE(gone);
  heap->EndUse(first);
  CHECK(gone);
}

TEST_CASE("heaps in several threads do not disturb each other") {
  const size_t mappings = MappingBudget::used();
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      const auto heap = OpenHeap(32);
      const uint32_t memory = AddSimulated(*heap, 16);
      const uint32_t file =
          heap->AddBackend(std::move(FileBackend::Open(
                                         {.directory = "/tmp", .capacity_bytes = 16 * kChunkBytes})
                                         .value()),
                           16 * kChunkBytes)
              .value();
      for (int round = 0; round < 20; ++round) {
        for (const uint32_t backend : {memory, file}) {
          const uint32_t first = heap->Allocate(backend, 1 + round % 3).value();
          std::byte* const address = heap->RunAt(first).value().address;
          if (address[100] != std::byte{0}) ++wrong[t];
          address[100] = static_cast<std::byte>(t + 1);
          if (round % 2 == 0) (void)heap->Free(first);
          if (heap->Stats(backend).value().mapped_bytes > 12 * kChunkBytes) (void)heap->Free(first);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int count : wrong) CHECK(count == 0);
  CHECK(MappingBudget::used() == mappings);
}

TEST_CASE("neighbours that the kernel merges count as one mapping") {
  const size_t before = MappingBudget::used();
  const auto heap = OpenHeap(8);
  const uint32_t backend = AddSimulated(*heap, 8);
  const uint32_t first = heap->Allocate(backend, 1).value();
  const size_t one = MappingBudget::used();
  CHECK(one > before);
  const uint32_t second = heap->Allocate(backend, 1).value();
  CHECK(MappingBudget::used() == one);
  REQUIRE(heap->Free(first).ok());
  REQUIRE(heap->Free(second).ok());
  CHECK(MappingBudget::used() == before);
  CHECK(MappingBudget::limit() >= 1000);
  CHECK_FALSE(MappingBudget::HasRoom(MappingBudget::limit() + 1));
}

}  // namespace memtiers
