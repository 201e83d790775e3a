#include "pool/pool_memory.h"

#include <cstring>

#include "pool/checksum.h"

namespace memtiers {
namespace {

constexpr uint64_t kGranuleBytes = 64;

}  // namespace

uint64_t PoolMemory::Hash(std::string_view key) const { return HashKey(key, hash_seed_); }

Slot PoolMemory::SlotAt(uint64_t extent, uint8_t size_class, uint32_t index) const {
  return {.offset = ExtentOffset(extent) + layout_->FirstSlot(size_class) +
                    uint64_t{index} * layout_->SlotBytes(size_class),
          .bytes = layout_->SlotBytes(size_class),
          .extent = extent,
          .index = index,
          .size_class = size_class};
}

std::optional<Slot> PoolMemory::Find(ObjectWord word) const {
  const uint64_t offset = word.granule * kGranuleBytes;
  if (offset < layout_->data_offset()) return std::nullopt;
  const uint64_t extent = (offset - layout_->data_offset()) / layout_->sizes().extent_bytes;
  if (extent >= layout_->extent_count()) return std::nullopt;
  const uint64_t inside = offset - ExtentOffset(extent);
  const ExtentWord owner = ExtentWord::Unpack(Extent(extent).load(std::memory_order_acquire));
  if (owner.state != ExtentState::kOwned && owner.state != ExtentState::kOrphan) {
    return std::nullopt;
  }
  if (owner.size_class == kRunClass) {
    if (owner.run_index != 0 || inside != kMinBitmapBytes) return std::nullopt;
    const uint64_t end =
        layout_->data_offset() + layout_->extent_count() * layout_->sizes().extent_bytes;
    return Slot{.offset = offset,
                .bytes = end - offset,
                .extent = extent,
                .index = 0,
                .size_class = kRunClass};
  }
  if (owner.size_class >= layout_->class_count()) return std::nullopt;
  if (inside < layout_->FirstSlot(owner.size_class)) return std::nullopt;
  const auto behind = static_cast<uint32_t>(inside - layout_->FirstSlot(owner.size_class));
  const uint32_t index = behind / layout_->SlotBytes(owner.size_class);
  if (index >= layout_->SlotCount(owner.size_class)) return std::nullopt;
  if (behind % layout_->SlotBytes(owner.size_class) != 0) return std::nullopt;
  return SlotAt(extent, owner.size_class, index);
}

uint32_t PoolMemory::HeaderSum(const ObjectHeader& header) const {
  const auto bytes = std::as_bytes(std::span(&header, 1));
  return Crc32c(bytes.subspan(sizeof(header.sum)));
}

bool PoolMemory::HeaderIsSound(const Slot& slot) const {
  const ObjectHeader& header = Header(slot.offset);
  if (header.sum != HeaderSum(header)) return false;
  if (header.key_bytes == 0 || header.key_bytes > kMaxKeyBytes) return false;
  if (header.length > slot.bytes - sizeof(ObjectHeader)) return false;
  if (header.kind < ObjectKind::kValue || header.kind > ObjectKind::kCounter) return false;
  if (header.kind == ObjectKind::kCounter && header.length != sizeof(uint64_t)) return false;
  if (slot.size_class != kRunClass) return true;
  const uint64_t extents = layout_->RunExtents(header.length + sizeof(ObjectHeader));
  for (uint64_t i = 1; i < extents; ++i) {
    const ExtentWord part =
        ExtentWord::Unpack(Extent(slot.extent + i).load(std::memory_order_acquire));
    if (part.state == ExtentState::kFree || part.size_class != kRunClass || part.run_index != i) {
      return false;
    }
  }
  return true;
}

bool PoolMemory::HeaderIsSound(const Slot& slot, ObjectWord word) const {
  if (!HeaderIsSound(slot)) return false;
  const ObjectHeader& header = Header(slot.offset);
  if ((header.version & 0x7ff) != word.generation) return false;
  return TagOf(Hash(KeyOf(header))) == word.tag;
}

}  // namespace memtiers
