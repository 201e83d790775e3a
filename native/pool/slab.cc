#include "pool/slab.h"

#include <algorithm>
#include <bit>

namespace memtiers {

Slab::Slab(uint8_t size_class, uint32_t slots)
    : size_class_(size_class),
      slots_(slots),
      free_(slots),
      used_((slots + 63) / 64),
      kept_((slots + 63) / 64) {}

uint64_t Slab::Existing(uint32_t word) const {
  const uint32_t left = slots_ - word * 64;
  return left >= 64 ? ~uint64_t{0} : (uint64_t{1} << left) - 1;
}

std::optional<uint32_t> Slab::Take() {
  for (; first_ < words(); ++first_) {
    const uint64_t open = ~used_[first_] & Existing(first_);
    if (open == 0) continue;
    const uint32_t slot = first_ * 64 + static_cast<uint32_t>(std::countr_zero(open));
    used_[first_] |= Bit(slot);
    kept_[first_] |= Bit(slot);
    --free_;
    return slot;
  }
  return std::nullopt;
}

void Slab::MarkUsed(uint32_t slot) {
  if ((used_[slot / 64] & Bit(slot)) != 0) return;
  used_[slot / 64] |= Bit(slot);
  --free_;
}

void Slab::Free(uint32_t slot) {
  used_[slot / 64] &= ~Bit(slot);
  kept_[slot / 64] &= ~Bit(slot);
  first_ = std::min(first_, slot / 64);
  ++free_;
}

}  // namespace memtiers
