// What others have left in a member's extents, and what the dead have left altogether.
#include <algorithm>
#include <bit>

#include "pool/allocator.h"
#include "pool/faults.h"
#include "pool/holds.h"

namespace memtiers {

void Allocator::Sweep() {
  ++figures_.sweeps;
  for (uint64_t extent = 0; extent < slabs_.size(); ++extent) {
    if (slabs_[extent] != nullptr) SweepSlab(extent);
  }
  std::vector<Slot> runs;
  for (const auto& [extent, run] : runs_) {
    const Slot slot{.offset = memory().ExtentOffset(extent) + kMinBitmapBytes,
                    .bytes = run.extents * memory().layout().sizes().extent_bytes - kMinBitmapBytes,
                    .extent = extent,
                    .index = 0,
                    .size_class = kRunClass};
    if (!run.kept && !memory().IsLive(slot)) runs.push_back(slot);
  }
  for (const Slot& slot : runs) SweepSlot(slot);
  if (!retired_.empty()) FreeUnheld();
}

void Allocator::SweepSlab(uint64_t extent) {
  Slab& slab = *slabs_[extent];
  const uint8_t size_class = slab.size_class();
  for (uint32_t word = 0; word < slab.words(); ++word) {
    uint64_t dead = DeadBits(extent, slab, word);
    for (; dead != 0; dead &= dead - 1) {
      const uint32_t index = word * 64 + static_cast<uint32_t>(std::countr_zero(dead));
      SweepSlot(memory().SlotAt(extent, size_class, index));
      // Freeing may have given the whole extent back.
      if (slabs_[extent] == nullptr) return;
    }
  }
}

// A live bit that is clear says that somebody was about to unlink the object. He may have died
// before he did.
void Allocator::SweepSlot(const Slot& slot) {
  // A header that is damaged does not tell its shard: the slot waits for repair().
  if (!memory().HeaderIsSound(slot)) return;
  const uint64_t hash = memory().Hash(memory().KeyOf(memory().Header(slot.offset)));
  const uint32_t shard = memory().ShardOf(hash);
  if (!shards_->Lock(shard).ok()) return;
  const bool named = shards_->Names(hash, slot.offset);
  if (named && Obeys(PoolRule::kVerifyBeforeFree)) {
    memory().SetLive(slot);
    ++figures_.restored;
  }
  shards_->Unlock(shard);
  CrashPoint();
  if (named && Obeys(PoolRule::kVerifyBeforeFree)) return;
  if (Obeys(PoolRule::kSweepReadsHolds)) {
    Retire(slot);
  } else {
    Free(slot);
  }
}

uint64_t Allocator::Adopt(uint64_t most) {
  const uint64_t count = memory().layout().extent_count();
  std::vector<uint64_t> adopted;
  uint64_t extents = 0;
  for (uint64_t i = 0; i < count && extents < most && extents_.owned() < extents_.quota(); ++i) {
    const uint64_t extent = (adopt_cursor_ + i) % count;
    const uint64_t taken = extents_.Adopt(extent);
    if (taken == 0) continue;
    const ExtentWord owner = ExtentWord::Unpack(memory().Extent(extent).load());
    if (owner.size_class == kRunClass) {
      runs_[extent] = {.extents = taken, .kept = true};
    } else {
      AddSlab(extent, owner.size_class);
    }
    adopted.push_back(extent);
    extents += taken;
  }
  if (adopted.empty()) return 0;
  adopt_cursor_ = adopted.back() + 1;
  figures_.adopted += extents;
  std::ranges::sort(adopted);
  MarkReferenced(adopted);
  for (const uint64_t extent : adopted) ClearUnmarked(extent);
  return extents;
}

// Directory first, then holds: who held an object while the directory still named it is seen by one
// of them.
void Allocator::MarkReferenced(const std::vector<uint64_t>& adopted) {
  const uint64_t words = memory().layout().directory_words();
  for (uint64_t position = 0; position < words; ++position) {
    if (!Obeys(PoolRule::kAdoptionReadsDirectory)) break;
    const uint64_t word = memory().Directory(position).load(std::memory_order_seq_cst);
    if (ObjectWord::IsObject(word)) MarkGranule(ObjectWord::Unpack(word).granule, adopted);
  }
  CrashPoint();
  if (!Obeys(PoolRule::kAdoptionReadsHolds)) return;
  for (const uint64_t granule : ReadHeldGranules(memory())) MarkGranule(granule, adopted);
}

void Allocator::MarkGranule(uint64_t granule, const std::vector<uint64_t>& adopted) {
  const std::optional<Slot> slot = memory().Find({.granule = granule});
  if (!slot.has_value() || !std::ranges::binary_search(adopted, slot->extent)) return;
  if (slot->size_class == kRunClass) {
    const auto run = runs_.find(slot->extent);
    if (run != runs_.end()) run->second.kept = false;
  } else if (Owns(*slot)) {
    slabs_[slot->extent]->MarkUsed(slot->index);
  }
}

// What nobody can name or read is free. A live bit of it was set by somebody who died before he
// published.
void Allocator::ClearUnmarked(uint64_t extent) {
  if (slabs_[extent] == nullptr) {
    const auto run = runs_.find(extent);
    if (run == runs_.end() || !run->second.kept) return;
    const Slot slot{.offset = 0, .bytes = 0, .extent = extent, .index = 0, .size_class = kRunClass};
    memory().ClearLive(slot);
    Free(slot);
    return;
  }
  const Slab& slab = *slabs_[extent];
  for (uint32_t word = 0; word < slab.words(); ++word) {
    AtomicWord live = memory().LiveBits(extent, word * 64);
    if ((live.load(std::memory_order_relaxed) & ~slab.Used(word)) == 0) continue;
    live.fetch_and(slab.Used(word), std::memory_order_acq_rel);
  }
  if (slab.empty()) MaybeRelease(extent);
}

}  // namespace memtiers
