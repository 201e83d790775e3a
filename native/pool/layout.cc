#include "pool/layout.h"

#include <algorithm>
#include <bit>

#include "pool/words.h"

namespace memtiers {
namespace {

constexpr uint64_t kMinExtentBytes = 16 * kKiB;
constexpr uint64_t kMaxExtentBytes =
    16 * kMiB;  // larger ones would have more classes than words tell
constexpr uint64_t kMaxCapacity = uint64_t{1} << (kGranuleBits + 6);
constexpr uint64_t kMaxRunIndex = uint64_t{1} << 24;

Status Invalid(const std::string& what) { return Status(Code::kInvalid, what); }

Status CheckSizes(const PoolSizes& sizes) {
  if (!std::has_single_bit(sizes.extent_bytes) || sizes.extent_bytes < kMinExtentBytes ||
      sizes.extent_bytes > kMaxExtentBytes) {
    return Invalid("extents of a pool have a power of two of bytes, from 16 KiB to 16 MiB");
  }
  if (sizes.members == 0 || sizes.members > kMaxMembers) {
    return Invalid("a pool has 1 to " + std::to_string(kMaxMembers) + " members");
  }
  if (sizes.holds < 8 || sizes.holds > (1U << 20) || sizes.holds % 8 != 0) {
    return Invalid("a pool's member holds 8 to 2^20 objects, in steps of 8");
  }
  if (!std::has_single_bit(sizes.shards) || sizes.shards > (1U << 24)) {
    return Invalid("a pool's shards are a power of two up to 2^24");
  }
  if (!std::has_single_bit(sizes.shard_slots) || sizes.shard_slots < 8 ||
      sizes.shard_slots > (1U << 16)) {
    return Invalid("slots of a pool's shard are a power of two from 8 to 65536");
  }
  if (sizes.capacity_bytes > kMaxCapacity) return Invalid("a pool's device has at most 4 TiB");
  return {};
}

}  // namespace

Result<PoolLayout> PoolLayout::Of(const PoolSizes& sizes) {
  if (const Status checked = CheckSizes(sizes); !checked.ok()) return checked;
  PoolLayout layout(sizes);
  layout.holds_offset_ = layout.members_offset() + sizes.members * sizeof(MemberEntry);
  layout.locks_offset_ =
      layout.holds_offset_ + uint64_t{sizes.members} * sizes.holds * sizeof(uint64_t);
  layout.directory_offset_ = layout.locks_offset_ + uint64_t{sizes.shards} * kPoolLineBytes;
  layout.extents_offset_ = layout.directory_offset_ + layout.directory_words() * sizeof(uint64_t);
  // A word for each extent that there could be: less than what the words take from them.
  const uint64_t most = sizes.capacity_bytes / sizes.extent_bytes;
  layout.data_offset_ =
      AlignUp(layout.extents_offset_ + most * sizeof(uint64_t), sizes.extent_bytes);
  if (layout.data_offset_ + sizes.extent_bytes > sizes.capacity_bytes) {
    return Invalid("a pool of " + std::to_string(sizes.capacity_bytes) + " bytes has no room for " +
                   std::to_string(layout.data_offset_) + " of metadata and an extent of " +
                   std::to_string(sizes.extent_bytes));
  }
  layout.extent_count_ = (sizes.capacity_bytes - layout.data_offset_) / sizes.extent_bytes;
  if (layout.extent_count_ >= kMaxRunIndex) return Invalid("a pool has less than 2^24 extents");
  layout.MakeClasses();
  return layout;
}

void PoolLayout::AddClass(uint64_t slot_bytes) {
  uint64_t slots = (sizes_.extent_bytes - kMinBitmapBytes) / slot_bytes;
  auto first = [&] { return AlignUp((slots + 7) / 8, kPoolLineBytes); };
  while (first() + slots * slot_bytes > sizes_.extent_bytes) --slots;
  classes_.push_back({.slot_bytes = static_cast<uint32_t>(slot_bytes),
                      .slots = static_cast<uint32_t>(slots),
                      .first = static_cast<uint32_t>(first())});
}

// Four classes to an octave lose at most a fifth of a slot. Large ones would not fill their extent,
// so they are its parts.
void PoolLayout::MakeClasses() {
  const uint64_t whole = sizes_.extent_bytes - kMinBitmapBytes;
  AddClass(3 * kPoolLineBytes);
  for (uint64_t octave = 4 * kPoolLineBytes; octave < whole / 8; octave *= 2) {
    for (uint64_t size = octave; size < 2 * octave && size < whole / 8; size += octave / 4) {
      AddClass(size);
    }
  }
  for (uint64_t parts = 8; parts >= 1; --parts) {
    AddClass(whole / parts / kPoolLineBytes * kPoolLineBytes);
  }
}

size_t PoolLayout::ClassFor(uint64_t object_bytes) const {
  const auto found = std::ranges::lower_bound(classes_, object_bytes, {}, &SizeClass::slot_bytes);
  return found == classes_.end() ? kRunClass : static_cast<size_t>(found - classes_.begin());
}

uint64_t PoolLayout::RunExtents(uint64_t object_bytes) const {
  return (object_bytes + kMinBitmapBytes + sizes_.extent_bytes - 1) / sizes_.extent_bytes;
}

uint64_t PoolLayout::MaxPayloadBytes() const {
  return extent_count_ * sizes_.extent_bytes - kMinBitmapBytes - sizeof(ObjectHeader);
}

}  // namespace memtiers
