// A mapped pool as typed words: where each one lies, read and written atomically.
//
// A view: it owns nothing and is copied freely; the mapping outlives it. Any thread of any member.
// Indices are the caller's to check, except where a function says that it checks what came out of
// the pool.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "pool/coherence.h"
#include "pool/layout.h"
#include "pool/words.h"

namespace memtiers {

using AtomicWord = std::atomic_ref<uint64_t>;
using AtomicHalf = std::atomic_ref<uint32_t>;  // what the kernel can wait for
static_assert(AtomicWord::is_always_lock_free && AtomicHalf::is_always_lock_free);

// A slot or run that a directory word names, checked against the extent table.
struct Slot {
  uint64_t offset = 0;  // of the header
  uint64_t bytes = 0;   // what header and payload may have
  uint64_t extent = 0;
  uint32_t index = 0;  // in its extent; 0 for a run
  uint8_t size_class = 0;
};

class PoolMemory {
 public:
  // REQUIRES: base[0 .. capacity) is mapped, and aligned to a page.
  PoolMemory(std::byte* base, const PoolLayout& layout, PoolCoherence mode, uint64_t hash_seed)
      : base_(base), layout_(&layout), coherence_(mode), hash_seed_(hash_seed) {}

  std::byte* base() const { return base_; }
  const PoolLayout& layout() const { return *layout_; }
  const Coherence& coherence() const { return coherence_; }
  uint64_t Hash(std::string_view key) const;

  MemberEntry& Member(uint32_t member) const {
    return *At<MemberEntry>(layout_->members_offset() + member * sizeof(MemberEntry));
  }
  AtomicWord MemberStateWord(uint32_t member) const { return AtomicWord(Member(member).word); }
  AtomicWord HoldLimit(uint32_t member) const { return AtomicWord(Member(member).hold_limit); }
  uint64_t* HoldAddress(uint32_t member, uint32_t index) const {
    return At<uint64_t>(layout_->holds_offset() +
                        (uint64_t{member} * layout_->sizes().holds + index) * sizeof(uint64_t));
  }
  AtomicWord Hold(uint32_t member, uint32_t index) const {
    return AtomicWord(*HoldAddress(member, index));
  }
  AtomicWord ShardLock(uint32_t shard) const { return AtomicWord(Line(shard)->lock); }
  // The version of the shard's newest object; only who has the lock may touch it.
  AtomicWord ShardVersion(uint32_t shard) const { return AtomicWord(Line(shard)->version); }
  // How often the shard's directory has changed, and whether somebody watches it (notice.h).
  AtomicHalf ShardSequence(uint32_t shard) const { return AtomicHalf(Line(shard)->sequence); }
  AtomicHalf ShardWatched(uint32_t shard) const { return AtomicHalf(Line(shard)->watched); }
  const void* ShardLine(uint32_t shard) const { return Line(shard); }
  // One for the pool: rung when a shard changes that is watched.
  uint32_t* BellAddress() const { return &Line(0)->bell; }
  AtomicHalf Bell() const { return AtomicHalf(*BellAddress()); }
  uint64_t* DirectoryAddress(uint64_t position) const {
    return At<uint64_t>(layout_->directory_offset() + position * sizeof(uint64_t));
  }
  AtomicWord Directory(uint64_t position) const { return AtomicWord(*DirectoryAddress(position)); }
  AtomicWord Extent(uint64_t extent) const {
    return Word(layout_->extents_offset() + extent * sizeof(uint64_t));
  }
  void PublishExtents(uint64_t first, uint64_t extents) const {
    coherence_.Publish(base_ + layout_->extents_offset() + first * sizeof(uint64_t),
                       extents * sizeof(uint64_t));
  }
  uint64_t ExtentOffset(uint64_t extent) const {
    return layout_->data_offset() + extent * layout_->sizes().extent_bytes;
  }
  AtomicWord LiveBits(uint64_t extent, uint32_t index) const {
    return Word(ExtentOffset(extent) + index / 64 * sizeof(uint64_t));
  }
  ObjectHeader& Header(uint64_t offset) const { return *At<ObjectHeader>(offset); }
  std::span<std::byte> Payload(uint64_t offset, uint64_t bytes) const {
    return {base_ + offset + sizeof(ObjectHeader), bytes};
  }

  // The slot of an extent's class. REQUIRES: both exist.
  Slot SlotAt(uint64_t extent, uint8_t size_class, uint32_t index) const;
  // What a directory or hold word names. Nothing: it cannot name an object, so it is rubbish, or
  // the extent has been freed since. A run's further extents are checked by RunIsWhole.
  std::optional<Slot> Find(ObjectWord word) const;
  // Whether the header belongs to the word: its sum, its place, the key's tag, generation and
  // shard. A run must have all its extents. REQUIRES: nobody can free the slot.
  bool HeaderIsSound(const Slot& slot, ObjectWord word) const;
  bool HeaderIsSound(const Slot& slot) const;
  uint32_t HeaderSum(const ObjectHeader& header) const;

  bool IsLive(const Slot& slot) const {
    return (LiveBits(slot.extent, slot.index).load(std::memory_order_acquire) & LiveMask(slot)) !=
           0;
  }
  void SetLive(const Slot& slot) const {
    LiveBits(slot.extent, slot.index).fetch_or(LiveMask(slot), std::memory_order_acq_rel);
  }
  void ClearLive(const Slot& slot) const {
    LiveBits(slot.extent, slot.index).fetch_and(~LiveMask(slot), std::memory_order_acq_rel);
  }

  std::string_view KeyOf(const ObjectHeader& header) const {
    return {header.key.data(), header.key_bytes};
  }
  uint32_t ShardOf(uint64_t hash) const {
    return static_cast<uint32_t>(hash & (layout_->sizes().shards - 1));
  }
  // The position in its shard where a key's probe begins.
  uint32_t ProbeStart(uint64_t hash) const {
    return static_cast<uint32_t>(hash >> 24) & (layout_->sizes().shard_slots - 1);
  }
  static uint16_t TagOf(uint64_t hash) { return static_cast<uint16_t>(hash >> 48); }

 private:
  template <typename T>
  T* At(uint64_t offset) const {
    return reinterpret_cast<T*>(base_ + offset);
  }
  AtomicWord Word(uint64_t offset) const { return AtomicWord(*At<uint64_t>(offset)); }
  ShardEntry* Line(uint32_t shard) const {
    return At<ShardEntry>(layout_->locks_offset() + uint64_t{shard} * sizeof(ShardEntry));
  }
  static uint64_t LiveMask(const Slot& slot) { return uint64_t{1} << (slot.index % 64); }

  std::byte* base_;
  const PoolLayout* layout_;
  Coherence coherence_;
  uint64_t hash_seed_;
};

}  // namespace memtiers
