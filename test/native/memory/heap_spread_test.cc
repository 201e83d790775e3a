#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "base/bytes.h"
#include "memory/heap.h"
#include "memory/mapping_budget.h"
#include "memory/page_placement.h"
#include "memory/simulated_backend.h"
#include "sys/probe.h"

namespace memtiers {
namespace {

std::unique_ptr<Heap> OpenHeap(size_t chunks) {
  return std::move(Heap::Open(chunks * kChunkBytes).value());
}

uint32_t AddSimulated(Heap& heap, size_t chunks, std::optional<int> node = std::nullopt) {
  return heap.AddBackend(std::move(SimulatedBackend::Open(node).value()), chunks * kChunkBytes)
      .value();
}

class FailingBackend final : public Backend {
 public:
  BackendKind kind() const override { return BackendKind::kSimulated; }
  Result<MappedRun> Map(const MapRequest& /*request*/) override {
    return Status(Code::kFull, "no memory");
  }
  void Release(std::span<const Backing> /*backings*/) override {}
  Status Prefault(std::byte* /*address*/, size_t /*bytes*/) const override { return {}; }
};

uint64_t MappedChunks(const Heap& heap, uint32_t backend) {
  return heap.Stats(backend).value().mapped_bytes / kChunkBytes;
}

}  // namespace

TEST_CASE("a spread run is one range whose chunks are charged to their own backends") {
  const auto heap = OpenHeap(16);
  const uint32_t a = AddSimulated(*heap, 8);
  const uint32_t b = AddSimulated(*heap, 8);
  const std::vector<uint32_t> backends = {a, a, b, a, b};
  const uint32_t first = heap->AllocateSpread(backends, true).value();
  REQUIRE(heap->RunAt(first).value().chunks == 5);
  std::memset(heap->RunAt(first).value().address, 0xff, 5 * kChunkBytes);
  for (uint32_t i = 0; i < 5; ++i) CHECK(heap->BackendOf(first + i).value() == backends[i]);
  CHECK(MappedChunks(*heap, a) == 3);
  CHECK(MappedChunks(*heap, b) == 2);
  REQUIRE(heap->Free(first).ok());
  CHECK(MappedChunks(*heap, a) == 0);
  CHECK(MappedChunks(*heap, b) == 0);
}

TEST_CASE("a spread run is refused whole when one backend has no room for its part") {
  const auto heap = OpenHeap(16);
  const uint32_t a = AddSimulated(*heap, 8);
  const uint32_t b = AddSimulated(*heap, 1);
  const std::vector<uint32_t> backends = {a, b, a, b};
  CHECK(heap->AllocateSpread(backends, true).status().code() == Code::kFull);
  CHECK(MappedChunks(*heap, a) == 0);
  CHECK(MappedChunks(*heap, b) == 0);
  CHECK(heap->Stats(a).value().refused_allocations == 0);
  CHECK(heap->Stats(b).value().refused_allocations == 1);
  CHECK(heap->AllocateSpread({}, true).status().code() == Code::kInvalid);
  CHECK(heap->AllocateSpread(std::vector<uint32_t>{a, 7}, true).status().code() == Code::kInvalid);
  CHECK(MappedChunks(*heap, a) == 0);
}

TEST_CASE("what a spread run has taken when one backend fails goes back to the others") {
  const auto heap = OpenHeap(16);
  const uint32_t a = AddSimulated(*heap, 8);
  // It has the budget and not the memory, which shows when the first part is mapped already.
  const uint32_t b = heap->AddBackend(std::make_unique<FailingBackend>(), 8 * kChunkBytes).value();
  CHECK(heap->AllocateSpread(std::vector<uint32_t>{a, a, b}, true).status().code() == Code::kFull);
  CHECK(MappedChunks(*heap, a) + MappedChunks(*heap, b) == 0);
  CHECK(heap->Stats(a).value().refused_allocations == 0);
  CHECK(heap->Stats(b).value().refused_allocations == 1);
  const uint32_t whole = heap->Allocate(a, 8).value();
  CHECK(heap->RunAt(whole).value().address[kChunkBytes] == std::byte{0});
}

TEST_CASE("a spread run that the address window has no place for leaves nothing charged") {
  const auto heap = OpenHeap(3);
  const uint32_t a = AddSimulated(*heap, 8);
  const uint32_t b = AddSimulated(*heap, 8);
  CHECK(heap->AllocateSpread(std::vector<uint32_t>{a, b, a, b}, true).status().code() ==
        Code::kFull);
  CHECK(MappedChunks(*heap, a) + MappedChunks(*heap, b) == 0);
}

TEST_CASE("a deferred run has no page until it is touched, one that is not has all") {
  if (ProbePermissions().move_pages != 0 || ProbePermissions().mbind != 0) return;
  const auto heap = OpenHeap(8);
  const uint32_t a = AddSimulated(*heap, 4, 0);
  const uint32_t b = AddSimulated(*heap, 4, 0);
  for (const bool deferred : {true, false}) {
    const uint32_t first = heap->AllocateSpread(std::vector<uint32_t>{a, b}, deferred).value();
    std::byte* address = heap->RunAt(first).value().address;
    const uint64_t absent = FindPlacement(address, 2 * kChunkBytes).absent_pages;
    CHECK(absent == (deferred ? 2 * kChunkBytes / PageBytes() : 0));
    REQUIRE(heap->Free(first).ok());
  }
}

TEST_CASE("each border of a spread run counts as a mapping while it is there") {
  const auto heap = OpenHeap(16);
  const uint32_t a = AddSimulated(*heap, 8);
  const uint32_t b = AddSimulated(*heap, 8, 0);
  const size_t before = MappingBudget::used();
  const uint32_t first = heap->AllocateSpread(std::vector<uint32_t>{a, b, a, b}, true).value();
  CHECK(MappingBudget::used() == before + 5);
  REQUIRE(heap->Free(first).ok());
  CHECK(MappingBudget::used() == before);
}

TEST_CASE("striped chunks count as unverified when they are, and each as a mapping") {
  const auto heap = OpenHeap(8);
  const uint32_t a = AddSimulated(*heap, 4, 0);
  const uint32_t first = heap->AllocateSpread(std::vector<uint32_t>{a, a}, true).value();
  const size_t before = MappingBudget::used();
  heap->MarkStriped(first, false);
  CHECK(MappingBudget::used() == before + 1);
  CHECK(heap->Stats(a).value().unverified_chunks == 2);
  heap->MarkStriped(first, true);
  CHECK(heap->Stats(a).value().unverified_chunks == 0);
  CHECK(heap->BackingOf(first + 1).striped);
  REQUIRE(heap->Free(first).ok());
  const uint32_t again = heap->Allocate(a, 2).value();
  CHECK_FALSE(heap->BackingOf(again).striped);
}

}  // namespace memtiers
