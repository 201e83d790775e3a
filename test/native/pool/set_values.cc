#include "set_values.h"

#include <doctest/doctest.h>

#include "set_place.h"

namespace memtiers {

std::string KeyAt(int number) { return "key " + std::to_string(number); }

void Fill(PoolSet& set, int keys, uint64_t seed) {
  for (int i = 0; i < keys; ++i) {
    const Result<Changed> changed = set.Put(KeyAt(i), PatternFor(seed + i, 100 + i));
    REQUIRE_MESSAGE(changed.ok(), changed.status().what());
    REQUIRE(changed.value().done);
  }
}

void CheckFilled(PoolSet& set, int keys, uint64_t seed) {
  for (int i = 0; i < keys; ++i) {
    CHECK_MESSAGE(ValueOf(set, KeyAt(i)) == PatternFor(seed + i, 100 + i), KeyAt(i));
  }
}

size_t CopiesOf(PoolSet& set, const std::string& key) {
  size_t copies = 0;
  for (uint32_t ordinal = 0; ordinal < kMaxSetDevices; ++ordinal) {
    Pool* const pool = set.PoolOf(ordinal);
    if (pool == nullptr) continue;
    const Result<std::optional<Held>> held = pool->Get(key);
    if (!held.ok() || !held.value().has_value()) continue;
    pool->Release(*held.value());
    ++copies;
  }
  return copies;
}

void Corrupt(PoolSet& set, uint32_t ordinal, const std::string& key) {
  const Result<std::optional<Held>> held = set.PoolOf(ordinal)->Get(key, false);
  REQUIRE(held.ok());
  REQUIRE(held.value().has_value());
  held.value()->payload[7] ^= std::byte{16};
  set.PoolOf(ordinal)->Release(*held.value());
}

}  // namespace memtiers
