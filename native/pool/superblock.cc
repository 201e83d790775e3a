#include "pool/superblock.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "pool/checksum.h"
#include "sys/cache_writeback.h"

namespace memtiers {
namespace {

// This version knows no features beyond the first layout.
constexpr uint64_t kKnownIncompatible = 0;
constexpr uint64_t kKnownReadOnlyCompatible = 0;

uint32_t SumOf(std::span<const std::byte> block) {
  constexpr std::array<std::byte, sizeof(uint64_t)> kNoMagic{};
  constexpr std::array<std::byte, sizeof(uint32_t)> kNoSum{};
  constexpr size_t kVersionAt = offsetof(Superblock, version);
  constexpr size_t kSumAt = offsetof(Superblock, sum);
  uint32_t sum = Crc32c(kNoMagic);
  sum = Crc32c(block.subspan(kVersionAt, kSumAt - kVersionAt), sum);
  sum = Crc32c(kNoSum, sum);
  return Crc32c(block.subspan(kSumAt + sizeof(uint32_t)), sum);
}

Superblock Load(std::span<const std::byte> block) {
  Superblock superblock{};
  std::memcpy(&superblock, block.data(), sizeof superblock);
  return superblock;
}

bool AllZero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

Status Unusable(const std::string& why) { return Status(Code::kUnavailable, why); }

Status CheckVersion(const Superblock& superblock) {
  if (superblock.version != kPoolVersion) {
    return Unusable("the pool has layout version " + std::to_string(superblock.version) +
                    "; this build knows " + std::to_string(kPoolVersion));
  }
  if ((superblock.incompatible & ~kKnownIncompatible) != 0) {
    return Unusable("the pool uses features that this build does not know");
  }
  if ((superblock.read_only_compatible & ~kKnownReadOnlyCompatible) != 0) {
    return Unusable("the pool uses features that this build could only read");
  }
  return {};
}

void WriteOne(std::byte* at, const Superblock& superblock) {
  std::array<std::byte, kSuperblockBytes> block{};
  Superblock content = superblock;
  content.magic = 0;
  content.sum = 0;
  std::memcpy(block.data(), &content, sizeof content);
  content.sum = SumOf(block);
  std::memcpy(block.data(), &content, sizeof content);
  // Whatever was there is no superblock before it is another one.
  std::atomic_ref magic(*reinterpret_cast<uint64_t*>(at));
  magic.store(0, std::memory_order_release);
  WriteBackCaches(at, kPoolLineBytes);
  std::memcpy(at + sizeof content.magic, block.data() + sizeof content.magic,
              block.size() - sizeof content.magic);
  WriteBackCaches(at, kSuperblockBytes);
  magic.store(kPoolMagic, std::memory_order_release);
  WriteBackCaches(at, kPoolLineBytes);
}

}  // namespace

Result<SuperblockReading> ReadSuperblocks(std::span<const std::byte> start) {
  SuperblockReading reading;
  int good = 0;
  int magics = 0;
  int unfinished = 0;
  Status version;
  for (size_t i = 0; i < 2; ++i) {
    const auto block = start.subspan(i * kSuperblockBytes, kSuperblockBytes);
    const Superblock found = Load(block);
    const bool sum_is_good = found.sum == SumOf(block);
    if (found.magic == kPoolMagic) ++magics;
    if (found.magic == kPoolMagic && sum_is_good) {
      if (good == 1 && found.uuid != reading.superblock.uuid) {
        return Status(Code::kLost, "the pool's two superblocks are of different pools");
      }
      if (good == 0) reading.superblock = found;
      ++good;
    } else if (found.magic == kPoolMagic && found.version != kPoolVersion && version.ok()) {
      // Another version may well sum otherwise.
      version = CheckVersion(found);
    } else if (found.magic == 0 && found.version != 0 && sum_is_good) {
      ++unfinished;
    }
  }
  if (good > 0) {
    reading.content = PoolContent::kPool;
    reading.both_good = good == 2;
    return reading;
  }
  if (!version.ok()) return version;
  if (magics > 0) return Status(Code::kLost, "both superblocks of the pool are damaged");
  if (unfinished > 0) {
    reading.content = PoolContent::kHalfWritten;
  } else if (!AllZero(start.first(2 * kSuperblockBytes))) {
    reading.content = PoolContent::kForeign;
  }
  return reading;
}

Status CheckSuperblock(const Superblock& superblock, uint64_t mapped_bytes) {
  if (const Status version = CheckVersion(superblock); !version.ok()) return version;
  if (superblock.coherence != PoolCoherence::kHardware &&
      superblock.coherence != PoolCoherence::kSoftware) {
    return Unusable("the pool has a coherence mode that this build does not know");
  }
  const Result<PoolLayout> layout = PoolLayout::Of(superblock.sizes);
  if (!layout.ok()) return Status(Code::kLost, layout.status().what());
  if (superblock.sizes.capacity_bytes > mapped_bytes) {
    return Status(Code::kLost,
                  "the pool was made with " + std::to_string(superblock.sizes.capacity_bytes) +
                      " bytes, and " + std::to_string(mapped_bytes) + " are left: it was cut off");
  }
  return {};
}

// The copy first: while there is none, there is no pool; then the copy alone is one.
void WriteSuperblocks(std::byte* start, const Superblock& superblock) {
  WriteOne(start + kSuperblockBytes, superblock);
  WriteOne(start, superblock);
}

void EraseSuperblocks(std::byte* start) {
  for (const size_t offset : {size_t{0}, kSuperblockBytes}) {
    std::atomic_ref magic(*reinterpret_cast<uint64_t*>(start + offset));
    magic.store(0, std::memory_order_release);
    WriteBackCaches(start + offset, kPoolLineBytes);
  }
  std::memset(start, 0, 2 * kSuperblockBytes);
  WriteBackCaches(start, 2 * kSuperblockBytes);
}

}  // namespace memtiers
