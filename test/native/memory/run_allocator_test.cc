#include "memory/run_allocator.h"

#include <doctest/doctest.h>

#include <random>
#include <vector>

namespace memtiers {

TEST_CASE("runs are taken from the lowest hole that is long enough") {
  RunAllocator slots(8);
  CHECK(slots.Take(3) == 0);
  CHECK(slots.Take(2) == 3);
  slots.Give(0, 3);
  CHECK_FALSE(slots.Take(4).has_value());
  CHECK(slots.Take(2) == 0);
  CHECK(slots.Take(3) == 5);
  CHECK(slots.free_slots() == 1);
}

TEST_CASE("neighbouring holes become one again, whatever the order they were given back in") {
  RunAllocator slots(9);
  for (int i = 0; i < 3; ++i) (void)slots.Take(3);
  slots.Give(0, 3);
  slots.Give(6, 3);
  CHECK_FALSE(slots.Take(4).has_value());
  slots.Give(3, 3);
  CHECK(slots.Take(9) == 0);
}

TEST_CASE("an allocator without slots gives none") {
  RunAllocator slots(0);
  CHECK_FALSE(slots.Take(1).has_value());
}

TEST_CASE("random takes and gives never overlap and lose nothing") {
  constexpr uint64_t kSlots = 200;
  RunAllocator slots(kSlots);
  std::vector<bool> taken(kSlots);
  std::vector<std::pair<uint64_t, uint64_t>> runs;
  std::mt19937 random(7);
  int refused = 0;
  for (int step = 0; step < 5000; ++step) {
    if (runs.empty() || random() % 2 == 0) {
      const uint64_t count = 1 + random() % 20;
      const auto first = slots.Take(count);
      if (!first.has_value()) {
        ++refused;
        continue;
      }
      for (uint64_t i = *first; i < *first + count; ++i) {
        REQUIRE_FALSE(taken[i]);
        taken[i] = true;
      }
      runs.emplace_back(*first, count);
    } else {
      std::swap(runs[random() % runs.size()], runs.back());
      const auto [first, count] = runs.back();
      runs.pop_back();
      for (uint64_t i = first; i < first + count; ++i) taken[i] = false;
      slots.Give(first, count);
    }
  }
  CHECK(refused > 0);
  for (const auto& [first, count] : runs) slots.Give(first, count);
  CHECK(slots.Take(kSlots) == 0);
}

}  // namespace memtiers
