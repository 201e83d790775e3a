#include "pool/pool_backend.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "memory/heap.h"
#include "pool/pool_set.h"
#include "pool/recovery.h"
#include "pool/set_table.h"
#include "pool_place.h"

namespace memtiers {
namespace {

constexpr uint64_t kExtents = 8;

PoolFormat ChunkPool() {
  PoolFormat format;
  format.sizes = {.capacity_bytes = (kExtents + 1) * kChunkBytes, .members = 8};
  return format;
}

std::unique_ptr<Backend> OpenTier(const PoolPlaceForTest& place, uint64_t chunks = kExtents) {
  Result<std::unique_ptr<Backend>> backend =
      PoolBackend::Open({.place = place.place(), .capacity_bytes = chunks * kChunkBytes});
  REQUIRE_MESSAGE(backend.ok(), backend.status().what());
  return std::move(backend.value());
}

// A heap with a tier in the pool and one in memory.
struct TierHeap {
  explicit TierHeap(const PoolPlaceForTest& place, uint64_t chunks = kExtents)
      : heap(std::move(Heap::Open(64 * kChunkBytes).value())),
        pool(heap->AddBackend(OpenTier(place, chunks), chunks * kChunkBytes).value()) {}

  std::byte* AddressOf(uint32_t first) const { return heap->RunAt(first).value().address; }

  std::unique_ptr<Heap> heap;
  uint32_t pool;
};

bool AllAre(const std::byte* address, std::byte value) {
  return std::all_of(address, address + kChunkBytes, [&](std::byte b) { return b == value; });
}

PoolCheck Check(const std::shared_ptr<const PoolFile>& file) {
  PoolCheck check = CheckPool(*file, nullptr);
  CHECK_MESSAGE(check.clean(), FindingsOf(check));
  return check;
}

// A process with a tier of so many chunks, all of them written; killed at its end.
void TierOfAProcessThatIsKilled(const PoolPlaceForTest& place, uint32_t chunks) {
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const pid_t child = fork();
  if (child == 0) {
    const TierHeap tier(place, chunks);
    const Result<uint32_t> first = tier.heap->Allocate(tier.pool, chunks);
    if (!first.ok()) _exit(1);
    std::memset(tier.AddressOf(first.value()), 0xff, chunks * kChunkBytes);
    if (write(ready[1], "x", 1) != 1) _exit(2);
    for (;;) pause();
  }
  close(ready[1]);
  char told = 0;
  CHECK(read(ready[0], &told, 1) == 1);
  close(ready[0]);
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
}

}  // namespace

TEST_CASE("a tier's chunks lie in the pool, begin as zeros and are nobody else's") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, ChunkPool());
  const auto member = JoinPool(file);
  // What was in an extent before is not what a tier begins with.
  REQUIRE(member->Put("large", PatternFor(1, 3 * kChunkBytes)).ok());
  REQUIRE(member->Delete("large").ok());
  member->Maintain();
  REQUIRE(member->Put("key", PatternFor(2, 1000)).ok());
  {
    const TierHeap tier(place);
    const uint32_t run = tier.heap->Allocate(tier.pool, 4).value();
    const uint32_t other = tier.heap->Allocate(tier.pool, 1).value();
    CHECK(Check(file).private_extents == 5);
    CHECK(tier.heap->Stats(tier.pool).value().mapped_bytes == 5 * kChunkBytes);
    for (uint32_t i = 0; i < 4; ++i) {
      CHECK(AllAre(tier.AddressOf(run) + i * kChunkBytes, std::byte{0}));
      std::memset(tier.AddressOf(run) + i * kChunkBytes, static_cast<int>(i + 1), kChunkBytes);
    }
    std::memset(tier.AddressOf(other), 0x77, kChunkBytes);
    // The same bytes at another address.
    const TierHeap elsewhere(place);
    const uint32_t window = elsewhere.heap->Allocate(elsewhere.pool, 1).value();
    std::byte* const again = elsewhere.AddressOf(window);
    REQUIRE(tier.heap->backend(tier.pool).MapAgain(again, tier.heap->BackingOf(run + 2)).ok());
    CHECK(AllAre(again, std::byte{3}));
    REQUIRE(tier.heap->Free(run).ok());
    CHECK(Check(file).private_extents == 2);
    CHECK(AllAre(tier.AddressOf(other), std::byte{0x77}));
  }
  const PoolCheck after = Check(file);
  CHECK(after.private_extents == 0);
  CHECK(after.free_extents == kExtents - 1);
  CHECK(after.objects == 1);
}

TEST_CASE("what a killed process had as a tier is had by the next who needs room") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, ChunkPool());
  const auto member = JoinPool(file);
  REQUIRE(member->Put("key", PatternFor(1, 1000)).ok());

  SUBCASE("for values") {
    TierOfAProcessThatIsKilled(place, kExtents - 1);
    CHECK(Check(file).private_extents == kExtents - 1);
    CHECK(member->Put("large", PatternFor(2, (kExtents - 2) * kChunkBytes)).ok());
  }
  SUBCASE("for another tier, with no trace of what was there") {
    const TierHeap tier(place);
    TierOfAProcessThatIsKilled(place, kExtents - 1);
    const uint32_t run = tier.heap->Allocate(tier.pool, kExtents - 1).value();
    for (uint32_t i = 0; i < kExtents - 1; ++i) {
      CHECK(AllAre(tier.AddressOf(run) + i * kChunkBytes, std::byte{0}));
    }
  }
  SUBCASE("by whoever looks after the pool") {
    TierOfAProcessThatIsKilled(place, kExtents - 1);
    CHECK(member->Maintain() == 1);
    CHECK(Check(file).free_extents == kExtents - 1);
  }
  CHECK(Check(file).objects >= 1);
}

TEST_CASE("a tier gets what values leave it, and values what a tier leaves them") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, ChunkPool());
  const auto member = JoinPool(file);
  REQUIRE(member->Put("large", PatternFor(1, 3 * kChunkBytes)).ok());
  const TierHeap tier(place);
  CHECK(tier.heap->Allocate(tier.pool, kExtents).status().code() == Code::kFull);
  // Nothing is kept of what was refused.
  CHECK(Check(file).private_extents == 0);
  uint32_t given = 0;
  while (tier.heap->Allocate(tier.pool, 1).ok()) ++given;
  CHECK(given == kExtents - 4);
  CHECK(member->Put("more", PatternFor(2, 1000)).status().code() == Code::kFull);
  const uint32_t any = 0;
  CHECK(tier.heap->Free(any).ok());
  CHECK(member->Put("more", PatternFor(2, 1000)).ok());
  CHECK(tier.heap->Allocate(tier.pool, 1).status().code() == Code::kFull);
}

TEST_CASE("a tier takes scattered extents where no row is free") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, ChunkPool());
  const TierHeap first(place);
  std::vector<uint32_t> chunks;
  chunks.reserve(kExtents);
  for (uint64_t i = 0; i < kExtents; ++i) chunks.push_back(first.heap->Allocate(0, 1).value());
  for (size_t i = 0; i < chunks.size(); i += 2) REQUIRE(first.heap->Free(chunks[i]).ok());
  const TierHeap second(place);
  const uint32_t run = second.heap->Allocate(second.pool, kExtents / 2).value();
  for (uint32_t i = 0; i < kExtents / 2; ++i) {
    std::memset(second.AddressOf(run) + i * kChunkBytes, 0x11, kChunkBytes);
  }
  for (size_t i = 1; i < chunks.size(); i += 2) {
    CHECK(AllAre(first.AddressOf(chunks[i]), std::byte{0}));
  }
  CHECK(Check(file).private_extents == kExtents);
}

TEST_CASE("a tier whose member was declared dead gets nothing more and gives nothing away") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, ChunkPool());
  auto tier = std::make_unique<TierHeap>(place);
  const uint32_t run = tier->heap->Allocate(tier->pool, 2).value();
  RecoverMember(file->memory(), 0, 1, true);
  const TierHeap next(place);
  const uint32_t taken = next.heap->Allocate(next.pool, kExtents).value();
  std::memset(next.AddressOf(taken), 0x22, kChunkBytes);
  CHECK(tier->heap->Allocate(tier->pool, 1).status().code() == Code::kClosed);
  CHECK_FALSE(tier->heap->backend(tier->pool).available());
  REQUIRE(tier->heap->Free(run).ok());
  tier.reset();
  CHECK(Check(file).private_extents == kExtents);
}

TEST_CASE(
    "a tier is refused, and the pool left as it was, where the set does not let this host in") {
  const PoolPlaceForTest place;
  PoolSetFormat format;
  format.sizes = ChunkPool().sizes;
  Code expected = Code::kNoPermission;
  SUBCASE("because another one writes") { format.coherence = PoolCoherence::kSoftware; }
  SUBCASE("because it has lost the device") { expected = Code::kUnavailable; }
  {
    PoolDevice device;
    device.place = place.place();
    const auto set = PoolSet::Create({device}, format);
    REQUIRE_MESSAGE(set.ok(), set.status().what());
    (void)OpenTier(place);
    const auto file = set.value()->Files()[0];
    SetTable table = ReadSetTable(file->memory()).value_or(SetTable{});
    ++table.epoch;
    if (expected == Code::kUnavailable) {
      table.entries[0].state = SetEntryState::kLost;
    } else {
      table.home_boot ^= 1;
    }
    WriteSetTable(file->memory(), table);
  }
  const PoolBackendParams params = {.place = place.place(), .capacity_bytes = kChunkBytes};
  CHECK(PoolBackend::Open(params).status().code() == expected);
}

TEST_CASE("a pool that is not there, or is not of chunks, is unavailable as a tier") {
  const PoolPlaceForTest place;
  const PoolBackendParams params = {.place = place.place(), .capacity_bytes = kChunkBytes};
  CHECK(PoolBackend::Open(params).status().code() == Code::kUnavailable);
  const auto file = MakePool(place, SmallPool());
  CHECK(PoolBackend::Open(params).status().code() == Code::kUnavailable);
  CHECK(Check(file).members == 0);
}

}  // namespace memtiers
