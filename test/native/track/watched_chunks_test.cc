#include "track/watched_chunks.h"

#include <doctest/doctest.h>

#include "base/bytes.h"

namespace memtiers {
namespace {

std::byte* At(uintptr_t chunk) {
  return reinterpret_cast<std::byte*>((chunk + 1000) * kChunkBytes);  // NOLINT: never accessed
}
uintptr_t Number(const std::byte* address) { return reinterpret_cast<uintptr_t>(address); }

const WatchedChunks kSome({{.chunk = 7, .address = At(3)},
                           {.chunk = 1, .address = At(0)},
                           {.chunk = 2, .address = At(1)},
                           {.chunk = 9, .address = At(3)}});

}  // namespace

TEST_CASE("chunks are found by any address in them and by no other") {
  CHECK(kSome.size() == 3);
  CHECK(kSome.Find(Number(At(0))) == 0);
  CHECK(kSome.Find(Number(At(1)) - 1) == 0);
  CHECK(kSome.Find(Number(At(1))) == 1);
  CHECK(kSome.Find(Number(At(4)) - 1) == 2);
  CHECK_FALSE(kSome.Find(Number(At(0)) - 1).has_value());
  CHECK_FALSE(kSome.Find(Number(At(2))).has_value());
  CHECK_FALSE(kSome.Find(Number(At(4))).has_value());
  CHECK_FALSE(WatchedChunks().Find(0).has_value());
}

TEST_CASE("a chunk is the same one only at the same address under the same number") {
  CHECK(kSome.Find(WatchedChunk{.chunk = 2, .address = At(1)}) == 1);
  CHECK_FALSE(kSome.Find(WatchedChunk{.chunk = 3, .address = At(1)}).has_value());
  CHECK_FALSE(kSome.Find(WatchedChunk{.chunk = 2, .address = At(2)}).has_value());
}

TEST_CASE("chunks without a gap between them make a stretch") {
  const auto stretches = kSome.Stretches();
  REQUIRE(stretches.size() == 2);
  CHECK(stretches[0].begin == 0);
  CHECK(stretches[0].end == 2);
  CHECK(stretches[1].begin == 2);
  CHECK(stretches[1].end == 3);
  CHECK(WatchedChunks().Stretches().empty());
}

}  // namespace memtiers
