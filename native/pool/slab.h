// An extent of slots as its owner sees it: which are free, and which are nobody's business but his.
//
// Private memory of the owner, rebuilt from directory and holds when the extent changes hands. One
// thread at a time; a slot is found in a few nanoseconds.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace memtiers {

class Slab {
 public:
  Slab(uint8_t size_class, uint32_t slots);

  uint8_t size_class() const { return size_class_; }
  uint32_t slots() const { return slots_; }
  uint32_t free() const { return free_; }
  bool empty() const { return free_ == slots_; }
  // Whether its owner has it on his list of slabs to take slots from.
  bool listed() const { return listed_; }
  void set_listed(bool listed) { listed_ = listed; }

  // Takes a free slot, for its owner's eyes only.
  std::optional<uint32_t> Take();
  // Marks a slot that somebody else published as used.
  void MarkUsed(uint32_t slot);
  // It is published: whether it still is in use, its live bit says.
  void Share(uint32_t slot) { kept_[slot / 64] &= ~Bit(slot); }
  // It is the owner's again, who waits until nobody holds it.
  void Keep(uint32_t slot) { kept_[slot / 64] |= Bit(slot); }
  void Free(uint32_t slot);

  bool IsShared(uint32_t slot) const { return (Shared(slot / 64) & Bit(slot)) != 0; }

  // Words of 64 slots.
  uint32_t words() const { return static_cast<uint32_t>(used_.size()); }
  uint64_t Used(uint32_t word) const { return used_[word]; }
  // Used, and not the owner's alone.
  uint64_t Shared(uint32_t word) const { return used_[word] & ~kept_[word]; }

 private:
  static uint64_t Bit(uint32_t slot) { return uint64_t{1} << (slot % 64); }
  uint64_t Existing(uint32_t word) const;

  uint8_t size_class_;
  bool listed_ = false;
  uint32_t slots_;
  uint32_t free_;
  uint32_t first_ = 0;  // no word before it has a free slot
  std::vector<uint64_t> used_;
  std::vector<uint64_t> kept_;
};

}  // namespace memtiers
