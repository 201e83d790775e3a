#include "memory/run_allocator.h"

#include <iterator>

namespace memtiers {

RunAllocator::RunAllocator(uint64_t slots) : free_slots_(slots) {
  if (slots > 0) holes_.emplace(0, slots);
}

std::optional<uint64_t> RunAllocator::Take(uint64_t count) {
  for (auto hole = holes_.begin(); hole != holes_.end(); ++hole) {
    const auto [first, length] = *hole;
    if (length < count) continue;
    holes_.erase(hole);
    if (length > count) holes_.emplace(first + count, length - count);
    free_slots_ -= count;
    return first;
  }
  return std::nullopt;
}

void RunAllocator::Give(uint64_t first, uint64_t count) {
  free_slots_ += count;
  auto next = holes_.lower_bound(first);
  if (next != holes_.end() && next->first == first + count) {
    count += next->second;
    next = holes_.erase(next);
  }
  if (next != holes_.begin()) {
    const auto previous = std::prev(next);
    if (previous->first + previous->second == first) {
      previous->second += count;
      return;
    }
  }
  holes_.emplace_hint(next, first, count);
}

}  // namespace memtiers
