#include "pool/allocator.h"

#include <algorithm>
#include <bit>

#include "pool/faults.h"
#include "pool/holds.h"

namespace memtiers {
namespace {

constexpr size_t kRetiredBatch = 64;    // looking at all holds is dearer than looking at one
constexpr uint64_t kAdoptBatch = 64;    // so is reading the directory
constexpr uint64_t kWorthSweeping = 8;  // one slot in so many is dead

Status Full(const char* why) { return Status(Code::kFull, why); }

}  // namespace

Allocator::Allocator(Membership& membership, Shards& shards, uint64_t quota_extents)
    : membership_(&membership),
      shards_(&shards),
      extents_(membership.memory(), membership.index(), quota_extents),
      slabs_(membership.memory().layout().extent_count()),
      of_class_(membership.memory().layout().class_count()),
      with_room_(membership.memory().layout().class_count()),
      retired_limit_(kRetiredBatch) {}

void Allocator::AddSlab(uint64_t extent, uint8_t size_class) {
  slabs_[extent] = std::make_unique<Slab>(size_class, memory().layout().SlotCount(size_class));
  of_class_[size_class].push_back(extent);
  List(extent);
}

void Allocator::RemoveSlab(uint64_t extent) {
  const uint8_t size_class = slabs_[extent]->size_class();
  std::erase(of_class_[size_class], extent);
  std::erase(with_room_[size_class], extent);
  slabs_[extent].reset();
}

void Allocator::List(uint64_t extent) {
  Slab& slab = *slabs_[extent];
  if (slab.listed() || slab.free() == 0) return;
  with_room_[slab.size_class()].push_back(extent);
  slab.set_listed(true);
}

void Allocator::ListAllWithRoom() {
  for (const std::vector<uint64_t>& extents : of_class_) {
    for (const uint64_t extent : extents) List(extent);
  }
}

Result<Slot> Allocator::Pop(uint8_t size_class) {
  std::vector<uint64_t>& extents = with_room_[size_class];
  for (; !extents.empty(); extents.pop_back()) {
    const uint64_t extent = extents.back();
    if (const std::optional<uint32_t> index = slabs_[extent]->Take()) {
      return memory().SlotAt(extent, size_class, *index);
    }
    slabs_[extent]->set_listed(false);
  }
  return Full("no free slot");
}

Result<Slot> Allocator::TryAllocate(uint8_t size_class, uint64_t run_extents, bool claim) {
  if (size_class == kRunClass) {
    const std::optional<uint64_t> first =
        claim ? extents_.ClaimRun(run_extents) : std::optional<uint64_t>();
    if (!first.has_value()) return Full("no run of extents is free");
    runs_[*first] = {.extents = run_extents, .kept = true};
    return Slot{.offset = memory().ExtentOffset(*first) + kMinBitmapBytes,
                .bytes = run_extents * memory().layout().sizes().extent_bytes - kMinBitmapBytes,
                .extent = *first,
                .index = 0,
                .size_class = kRunClass};
  }
  Result<Slot> slot = Pop(size_class);
  if (slot.ok() || !claim) return slot;
  const std::optional<uint64_t> extent = extents_.ClaimSlab(size_class);
  if (!extent.has_value()) return slot;
  AddSlab(*extent, size_class);
  return Pop(size_class);
}

Result<Slot> Allocator::Allocate(uint64_t object_bytes) {
  const PoolLayout& layout = memory().layout();
  const auto size_class = static_cast<uint8_t>(layout.ClassFor(object_bytes));
  const uint64_t run = size_class == kRunClass ? layout.RunExtents(object_bytes) : 0;
  if (run > layout.extent_count()) {
    return Status(Code::kInvalid,
                  "a value of " + std::to_string(object_bytes) + " bytes is larger than the pool");
  }
  Result<Slot> slot = TryAllocate(size_class, run, false);
  if (slot.ok()) return slot;
  // From here on the pool's words are read, so each step is worth many slots.
  if (!retired_.empty()) FreeUnheld();
  if (size_class != kRunClass && WorthSweeping(size_class)) Sweep();
  slot = TryAllocate(size_class, run, true);
  while (!slot.ok() && Adopt(kAdoptBatch) > 0) slot = TryAllocate(size_class, run, true);
  if (slot.ok()) return slot;
  membership_->RecoverDead();
  while (!slot.ok() && Adopt(kAdoptBatch) > 0) slot = TryAllocate(size_class, run, true);
  if (slot.ok()) return slot;
  Sweep();
  ReleaseEmpty();
  ListAllWithRoom();
  slot = TryAllocate(size_class, run, true);
  if (slot.ok()) return slot;
  const bool limited = extents_.quota() < memory().layout().extent_count();
  if (limited && extents_.owned() + std::max<uint64_t>(run, 1) > extents_.quota()) {
    return Full("the member's quota of the pool is used");
  }
  return Full("the pool is full");
}

bool Allocator::Owns(const Slot& slot) const {
  if (slot.size_class == kRunClass) return runs_.contains(slot.extent);
  const Slab* const slab = slabs_[slot.extent].get();
  return slab != nullptr && slab->size_class() == slot.size_class;
}

void Allocator::Share(const Slot& slot) {
  if (slot.size_class == kRunClass) {
    runs_[slot.extent].kept = false;
  } else {
    slabs_[slot.extent]->Share(slot.index);
  }
}

void Allocator::Discard(const Slot& slot) {
  memory().ClearLive(slot);
  Free(slot);
}

void Allocator::Retire(const Slot& slot) {
  if (!Owns(slot)) return;
  // What is not shared is being written, or retired already: two words that name one slot are
  // damage.
  if (slot.size_class == kRunClass) {
    Run& run = runs_[slot.extent];
    if (run.kept) return;
    run.kept = true;
  } else {
    Slab& slab = *slabs_[slot.extent];
    if (!slab.IsShared(slot.index)) return;
    slab.Keep(slot.index);
  }
  retired_.push_back(slot);
  if (retired_.size() >= retired_limit_) FreeUnheld();
}

void Allocator::Free(const Slot& slot) {
  if (slot.size_class == kRunClass) {
    const uint64_t extents = runs_[slot.extent].extents;
    runs_.erase(slot.extent);
    extents_.Release(slot.extent, extents);
    return;
  }
  Slab& slab = *slabs_[slot.extent];
  slab.Free(slot.index);
  // A few slots are not worth a look into the extent: it is listed again when an eighth is free.
  if (slab.free() >= std::max<uint32_t>(1, slab.slots() / 8)) List(slot.extent);
  if (slab.empty()) MaybeRelease(slot.extent);
}

void Allocator::FreeUnheld() {
  const std::vector<uint64_t> held =
      Obeys(PoolRule::kHoldsBeforeFree) ? ReadHeldGranules(memory()) : std::vector<uint64_t>();
  std::vector<Slot> waiting;
  for (const Slot& slot : retired_) {
    if (std::ranges::binary_search(held, slot.offset / kPoolLineBytes)) {
      waiting.push_back(slot);
    } else {
      Free(slot);
    }
  }
  retired_ = std::move(waiting);
  // What is held long must not have all holds read again for every object.
  retired_limit_ = std::max(kRetiredBatch, 2 * retired_.size());
}

// One empty extent of a class is kept, so that a class does not claim and give back in turns.
void Allocator::MaybeRelease(uint64_t extent) {
  const std::vector<uint64_t>& others = with_room_[slabs_[extent]->size_class()];
  const bool another = std::ranges::any_of(
      others, [&](uint64_t other) { return other != extent && slabs_[other]->free() > 0; });
  if (!another) return;
  RemoveSlab(extent);
  extents_.Release(extent, 1);
}

void Allocator::ReleaseEmpty() {
  for (uint64_t extent = 0; extent < slabs_.size(); ++extent) {
    if (slabs_[extent] == nullptr || !slabs_[extent]->empty()) continue;
    RemoveSlab(extent);
    extents_.Release(extent, 1);
  }
}

uint64_t Allocator::DeadBits(uint64_t extent, const Slab& slab, uint32_t word) const {
  const uint64_t live = memory().LiveBits(extent, word * 64).load(std::memory_order_acquire);
  return slab.Shared(word) & ~live;
}

bool Allocator::WorthSweeping(uint8_t size_class) const {
  uint64_t slots = 0;
  uint64_t dead = 0;
  for (const uint64_t extent : of_class_[size_class]) {
    const Slab& slab = *slabs_[extent];
    slots += slab.slots();
    for (uint32_t word = 0; word < slab.words(); ++word) {
      dead += static_cast<uint64_t>(std::popcount(DeadBits(extent, slab, word)));
    }
  }
  return dead > 0 && dead >= slots / kWorthSweeping;
}

AllocatorFigures Allocator::figures() const {
  AllocatorFigures figures = figures_;
  figures.extents = extents_.owned();
  figures.waiting = retired_.size();
  return figures;
}

}  // namespace memtiers
