#include "track/access_tally.h"

#include <doctest/doctest.h>

#include "base/bytes.h"

namespace memtiers {
namespace {

constexpr uintptr_t kBase = 4096 * kChunkBytes;

WatchedChunks TwoChunks() {
  auto* const base = reinterpret_cast<std::byte*>(kBase);  // NOLINT: never accessed
  return WatchedChunks(
      {{.chunk = 5, .address = base}, {.chunk = 6, .address = base + kChunkBytes}});
}

}  // namespace

TEST_CASE("samples are counted by chunk, loads and stores apart, those outside not at all") {
  const WatchedChunks chunks = TwoChunks();
  AccessTally tally(chunks);
  tally.Add({.address = kBase});
  tally.Add({.address = kBase + kChunkBytes - 1});
  tally.Add({.address = kBase + 8, .store = true});
  tally.Add({.address = kBase - 1});
  tally.Add({.address = kBase + 2 * kChunkBytes, .store = true});
  const std::vector<ChunkAccesses> found = tally.Found();
  REQUIRE(found.size() == 1);
  CHECK(found[0].chunk == 5);
  CHECK(found[0].reads == 2);
  CHECK(found[0].writes == 1);
}

TEST_CASE("lost samples are added in proportion, and without any sample nothing is known of them") {
  const WatchedChunks chunks = TwoChunks();
  AccessTally tally(chunks);
  tally.AddLost(12);
  CHECK(tally.Found().empty());
  for (int i = 0; i < 3; ++i) tally.Add({.address = kBase + kChunkBytes});
  tally.Add({.address = 0});
  const std::vector<ChunkAccesses> found = tally.Found();
  REQUIRE(found.size() == 1);
  CHECK(found[0].reads == 12);  // 3 of 4 samples, of 16 that there were
}

}  // namespace memtiers
