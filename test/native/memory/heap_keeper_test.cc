#include "memory/heap_keeper.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <optional>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "memory/file_backend.h"
#include "memory/mapping_budget.h"
#include "memory/simulated_backend.h"
#include "sys/mapping.h"

namespace memtiers {
namespace {

constexpr size_t kPage = 4096;

// A heap with an owner, as a thread of the program has it.
struct Owner {
  std::unique_ptr<Heap> heap = std::move(Heap::Open(8 * kChunkBytes).value());
  uint32_t backend =
      heap->AddBackend(std::move(SimulatedBackend::Open(std::nullopt).value()), 4 * kChunkBytes)
          .value();
  std::atomic<int> woken = 0;
  std::shared_ptr<HeapKeeper> keeper = HeapKeeper::Make([this] { ++woken; });

  std::string Share(uint32_t first) { return keeper->Share(*heap, first, kChunkBytes).value(); }
  uint64_t mapped() const { return heap->Stats(backend).value().mapped_bytes; }
};

RunHold Hold(const std::string& token) { return std::move(RunHold::Open(token).value()); }

// Nothing happens when the run is gone already.
void HoldAndWrite(const std::string& token, size_t page) {
  const Result<RunHold> hold = RunHold::Open(token);
  if (hold.ok()) std::memset(hold.value().address() + page * kPage, 1, kPage);
}

}  // namespace

TEST_CASE("a run that is held stays mapped and charged when it is freed") {
  Owner owner;
  const uint32_t first = owner.heap->Allocate(owner.backend, 1).value();
  std::optional<RunHold> hold(Hold(owner.Share(first)));
  CHECK(owner.heap->Holders(first).value() == 1);
  REQUIRE(owner.heap->Free(first).ok());
  CHECK(owner.mapped() == kChunkBytes);
  CHECK(owner.heap->RunAt(first).status().code() == Code::kInvalid);
  hold->address()[kChunkBytes - 1] = std::byte{7};
  CHECK(hold->address()[kChunkBytes - 1] == std::byte{7});

  hold.reset();
  CHECK(owner.woken == 1);
  owner.keeper->Settle(*owner.heap);
  CHECK(owner.mapped() == 0);
}

TEST_CASE("a run that is not held any more goes when it is freed, without a wake") {
  Owner owner;
  const uint32_t first = owner.heap->Allocate(owner.backend, 1).value();
  {
    const RunHold hold = Hold(owner.Share(first));
  }
  CHECK(owner.heap->Holders(first).value() == 0);
  REQUIRE(owner.heap->Free(first).ok());
  CHECK(owner.mapped() == 0);
  CHECK(owner.woken == 0);
}

TEST_CASE("a run has one token, and keeps the size it was shared with") {
  Owner owner;
  const uint32_t first = owner.heap->Allocate(owner.backend, 2).value();
  const std::string token = owner.Share(first);
  CHECK(owner.Share(first) == token);
  CHECK(owner.keeper->Share(*owner.heap, first, 2 * kChunkBytes).status().code() == Code::kInvalid);
  CHECK(owner.keeper->Share(*owner.heap, first + 1, 1).status().code() == Code::kInvalid);
  const uint32_t other = owner.heap->Allocate(owner.backend, 1).value();
  CHECK(owner.keeper->Share(*owner.heap, other, 0).status().code() == Code::kInvalid);
  CHECK(owner.keeper->Share(*owner.heap, other, kChunkBytes + 1).status().code() == Code::kInvalid);
}

TEST_CASE("background work and holders both keep a freed run") {
  for (const bool work_ends_first : {true, false}) {
    CAPTURE(work_ends_first);
    Owner owner;
    const uint32_t first = owner.heap->Allocate(owner.backend, 1).value();
    std::optional<RunHold> hold(Hold(owner.Share(first)));
    owner.heap->BeginUse(first);
    REQUIRE(owner.heap->Free(first).ok());
    if (work_ends_first) owner.heap->EndUse(first);
    if (!work_ends_first) hold.reset();
    owner.keeper->Settle(*owner.heap);
    CHECK(owner.mapped() == kChunkBytes);
    if (work_ends_first) hold.reset();
    if (!work_ends_first) owner.heap->EndUse(first);
    owner.keeper->Settle(*owner.heap);
    CHECK(owner.mapped() == 0);
  }
}

TEST_CASE("a chunk is kept alone unless somebody holds its run") {
  Owner owner;
  const uint32_t first = owner.heap->Allocate(owner.backend, 2).value();
  CHECK(owner.heap->KeepAlone(first + 1).ok());
  const std::string token = owner.Share(first);
  CHECK(owner.heap->KeepAlone(first + 1).value().owns_lock());
  const RunHold hold = Hold(token);
  CHECK(owner.heap->KeepAlone(first + 1).status().code() == Code::kBusy);
}

TEST_CASE("a closed heap keeps the runs that are held, and their backends, until they go") {
  const size_t mappings = MappingBudget::used();
  Owner owner;
  const uint32_t first = owner.heap->Allocate(owner.backend, 1).value();
  const uint32_t other = owner.heap->Allocate(owner.backend, 1).value();
  std::optional<RunHold> hold(Hold(owner.Share(first)));
  const std::string token = owner.Share(other);
  owner.heap->Close();
  CHECK(RunHold::Open(token).status().code() == Code::kClosed);
  CHECK(MappingBudget::used() > mappings);
  std::memset(hold->address(), 3, kChunkBytes);
  hold.reset();
  CHECK(owner.woken == 1);
  owner.keeper->Settle(*owner.heap);
  CHECK(MappingBudget::used() == mappings);
}

TEST_CASE("the last holder gives back what an owner left, and the owner is not woken any more") {
  Owner owner;
  const auto counter = owner.heap->damage_counter();
  const uint32_t first = owner.heap->Allocate(owner.backend, 1).value();
  const uint32_t second = owner.heap->Allocate(owner.backend, 1).value();
  std::optional<RunHold> one(Hold(owner.Share(first)));
  std::optional<RunHold> two(Hold(owner.Share(second)));
  const std::string token = owner.Share(first);
  // The counter belongs to us and to the heap as long as there is one.
  const auto heap_is_there = [&] { return counter.use_count() > 1; };

  owner.keeper->TakeOver(std::move(owner.heap));
  owner.keeper.reset();
  CHECK(RunHold::Open(token).status().code() == Code::kClosed);
  std::thread([&one] { one.reset(); }).join();
  CHECK(heap_is_there());
  std::memset(two->address(), 5, kChunkBytes);
  std::thread([&two] { two.reset(); }).join();
  CHECK_FALSE(heap_is_there());
  CHECK(owner.woken == 0);
}

TEST_CASE("a heap that nobody holds goes with its owner") {
  Owner owner;
  const auto counter = owner.heap->damage_counter();
  owner.Share(owner.heap->Allocate(owner.backend, 1).value());
  owner.keeper->TakeOver(std::move(owner.heap));
  CHECK(counter.use_count() == 1);
}

TEST_CASE("a file stays behind a run that is held after its owner has gone, and goes with it") {
  Owner owner;
  const auto counter = owner.heap->damage_counter();
  const uint32_t files =
      owner.heap
          ->AddBackend(
              std::move(FileBackend::Open({.directory = "/tmp", .capacity_bytes = 2 * kChunkBytes})
                            .value()),
              2 * kChunkBytes)
          .value();
  const uint32_t first = owner.heap->Allocate(files, 1).value();
  std::optional<RunHold> hold(Hold(owner.Share(first)));
  owner.keeper->TakeOver(std::move(owner.heap));
  std::memset(hold->address(), 9, kChunkBytes);
  REQUIRE(SyncMapping(hold->address(), kChunkBytes).ok());
  CHECK(hold->address()[kChunkBytes - 1] == std::byte{9});
  hold.reset();
  CHECK(counter.use_count() == 1);
}

TEST_CASE("owners and holders may go in any order, on any thread, at the same time") {
  const size_t mappings = MappingBudget::used();
  for (int round = 0; round < 60; ++round) {
    Owner owner;
    const auto counter = owner.heap->damage_counter();
    const uint32_t first = owner.heap->Allocate(owner.backend, 1).value();
    const uint32_t second = owner.heap->Allocate(owner.backend, 1).value();
    const std::vector<std::string> tokens = {owner.Share(first), owner.Share(second)};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([token = tokens[i % 2], i] {
        for (int j = 0; j < 3; ++j) HoldAndWrite(token, i);
      });
    }
    if (round % 3 == 0) {
      REQUIRE(owner.heap->Free(first).ok());
      owner.keeper->Settle(*owner.heap);
    }
    if (round % 2 == 0) owner.heap->Close();
    owner.keeper->Settle(*owner.heap);
    owner.keeper->TakeOver(std::move(owner.heap));
    for (std::thread& thread : threads) thread.join();
    CHECK(counter.use_count() == 1);
  }
  CHECK(MappingBudget::used() == mappings);
}

}  // namespace memtiers
