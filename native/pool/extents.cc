#include "pool/extents.h"

#include <algorithm>

#include "pool/faults.h"

namespace memtiers {

Extents::Extents(const PoolMemory& memory, uint32_t member, uint64_t quota)
    : memory_(memory), member_(member), quota_(quota) {
  // Members begin apart, so that they seldom want the same extent.
  cursor_ = memory.layout().extent_count() * member / memory.layout().sizes().members;
}

void Extents::ClearBitmap(uint64_t extent, uint64_t bytes) {
  for (uint64_t bit = 0; bit < bytes * 8; bit += 64) {
    memory_.LiveBits(extent, static_cast<uint32_t>(bit)).store(0, std::memory_order_relaxed);
  }
}

bool Extents::Claim(uint64_t extent, uint8_t size_class, uint64_t run_index) {
  AtomicWord word = memory_.Extent(extent);
  uint64_t seen = word.load(std::memory_order_acquire);
  ExtentWord owner = ExtentWord::Unpack(seen);
  if (owner.state != ExtentState::kFree) return false;
  owner = {.state = ExtentState::kOwned,
           .size_class = size_class,
           .member = static_cast<uint8_t>(member_),
           .generation = owner.generation + 1,
           .run_index = static_cast<uint32_t>(run_index)};
  if (!word.compare_exchange_strong(seen, owner.Pack(), std::memory_order_acq_rel)) return false;
  // Who reads from another host looks up here what an object's slot is.
  if (Obeys(PoolRule::kWritesBackExtent)) memory_.PublishExtents(extent, 1);
  ++owned_;
  CrashPoint();
  return true;
}

std::optional<uint64_t> Extents::ClaimSlab(uint8_t size_class) {
  if (owned_ >= quota_) return std::nullopt;
  const uint64_t count = memory_.layout().extent_count();
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t extent = (cursor_ + i) % count;
    if (!Claim(extent, size_class, 0)) continue;
    cursor_ = extent + 1;
    // It may have had slots of another size, whose bytes lie where this class has its bits.
    ClearBitmap(extent, memory_.layout().FirstSlot(size_class));
    return extent;
  }
  return std::nullopt;
}

std::optional<uint64_t> Extents::ClaimRun(uint64_t extents) {
  const std::optional<uint64_t> first = ClaimRow(extents, kRunClass);
  if (first.has_value()) ClearBitmap(*first, kMinBitmapBytes);
  return first;
}

std::optional<uint64_t> Extents::ClaimPrivate(uint64_t& extents) {
  extents = std::min({extents, quota_ - std::min(quota_, owned_), memory_.layout().extent_count()});
  for (; extents > 0; extents /= 2) {
    if (const auto first = ClaimRow(extents, kPrivateClass)) return first;
  }
  return std::nullopt;
}

std::optional<uint64_t> Extents::ClaimRow(uint64_t extents, uint8_t size_class) {
  const uint64_t count = memory_.layout().extent_count();
  if (extents > count || owned_ + extents > quota_) return std::nullopt;
  auto is_free = [&](uint64_t extent) {
    const uint64_t word = memory_.Extent(extent).load(std::memory_order_relaxed);
    return ExtentWord::Unpack(word).state == ExtentState::kFree;
  };
  // Twice round at most: a run may begin before the cursor and end behind it.
  uint64_t row = 0;
  for (uint64_t i = 0; i < count + extents; ++i) {
    const uint64_t extent = (cursor_ + i) % count;
    if (extent == 0) row = 0;
    row = is_free(extent) ? row + 1 : 0;
    if (row < extents) continue;
    const uint64_t first = extent + 1 - extents;
    uint64_t claimed = 0;
    const bool run = size_class == kRunClass;
    while (claimed < extents && Claim(first + claimed, size_class, run ? claimed : 0)) ++claimed;
    if (claimed == extents) {
      cursor_ = extent + 1;
      return first;
    }
    if (claimed > 0) Release(first, claimed);  // somebody was faster
    row = 0;
  }
  return std::nullopt;
}

bool Extents::AdoptOne(uint64_t extent, uint64_t run_index, uint8_t size_class) {
  AtomicWord word = memory_.Extent(extent);
  uint64_t seen = word.load(std::memory_order_acquire);
  ExtentWord owner = ExtentWord::Unpack(seen);
  if (owner.state != ExtentState::kOrphan || owner.run_index != run_index ||
      owner.size_class != size_class) {
    return false;
  }
  owner.state = ExtentState::kOwned;
  owner.member = static_cast<uint8_t>(member_);
  owner.generation += 1;
  if (!word.compare_exchange_strong(seen, owner.Pack(), std::memory_order_acq_rel)) return false;
  ++owned_;
  CrashPoint();
  return true;
}

uint64_t Extents::Adopt(uint64_t extent) {
  const ExtentWord owner =
      ExtentWord::Unpack(memory_.Extent(extent).load(std::memory_order_acquire));
  const bool run = owner.size_class == kRunClass;
  if (!run && owner.size_class >= memory_.layout().class_count()) return 0;  // rubbish
  const uint64_t index = Obeys(PoolRule::kRunHeadFirst) || !run ? 0 : owner.run_index;
  if (!AdoptOne(extent, index, owner.size_class)) return 0;
  uint64_t adopted = 1;
  while (run && extent + adopted < memory_.layout().extent_count() &&
         AdoptOne(extent + adopted, index + adopted, kRunClass)) {
    ++adopted;
  }
  return adopted;
}

void Extents::ReleaseOne(uint64_t extent) {
  AtomicWord word = memory_.Extent(extent);
  uint64_t seen = word.load(std::memory_order_acquire);
  const ExtentWord owner = ExtentWord::Unpack(seen);
  if (owned_ > 0) --owned_;
  // Not ours any more when we were declared dead: then it is somebody else's to give back.
  if (owner.state != ExtentState::kOwned || owner.member != member_) return;
  const ExtentWord free{.state = ExtentState::kFree, .generation = owner.generation + 1};
  word.compare_exchange_strong(seen, free.Pack(), std::memory_order_acq_rel);
  // A run's beginning must not be free on the device while its end is not: nobody would find that.
  if (Obeys(PoolRule::kWritesBackRelease)) memory_.PublishExtents(extent, 1);
  CrashPoint();
}

void Extents::Release(uint64_t first, uint64_t extents) {
  if (Obeys(PoolRule::kReleaseFromEnd)) {
    for (uint64_t i = extents; i > 0; --i) ReleaseOne(first + i - 1);
  } else {
    for (uint64_t i = 0; i < extents; ++i) ReleaseOne(first + i);
  }
}

}  // namespace memtiers
