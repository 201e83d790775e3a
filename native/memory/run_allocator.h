// Hands out contiguous runs of numbered slots and takes them back: lowest address first, so that
// the used part stays dense and neighbouring mappings can merge.
//
// Not thread-safe. Memory and time grow with the number of holes, not with the number of slots.
//
//   RunAllocator slots(8);      Take(3) -> 0    Take(2) -> 3    Give(0, 3)    Take(4) -> nothing
//   free: [0,3) [5,8)           Take(2) -> 0
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace memtiers {

class RunAllocator {
 public:
  explicit RunAllocator(uint64_t slots);

  // First slot of `count` contiguous free ones; nothing when no hole is that long. REQUIRES: count
  // > 0.
  std::optional<uint64_t> Take(uint64_t count);

  // Gives slots back. REQUIRES: all of [first, first + count) are taken.
  void Give(uint64_t first, uint64_t count);

  uint64_t free_slots() const { return free_slots_; }

 private:
  std::map<uint64_t, uint64_t> holes_;  // first slot -> length; never adjacent
  uint64_t free_slots_;
};

}  // namespace memtiers
