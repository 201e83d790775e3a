// How a pool lies on its device: fixed when it is formatted, little endian, every structure aligned
// to cache lines.
//
//   superblock, its copy | table of the set, its copy, epoch | member table | hold table |
//   shard locks | directory | extent table | extents
//
// Offsets follow from the sizes in the superblock, so there is one description of them to trust and
// not two. A PoolLayout is immutable; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace memtiers {

inline constexpr uint64_t kPoolMagic = 0x31304c4f4f50544dULL;  // "MTPOOL01"
inline constexpr uint32_t kPoolVersion = 1;
inline constexpr size_t kSuperblockBytes = 4096;
inline constexpr size_t kPoolLineBytes = 64;
inline constexpr size_t kSetTableBytes = 4096;
inline constexpr size_t kMaxKeyBytes = 96;
inline constexpr uint32_t kMaxMembers = 250;
// An extent begins with a bitmap, a bit a slot: whether the slot's object is published.
inline constexpr size_t kMinBitmapBytes = kPoolLineBytes;

enum class PoolCoherence : uint32_t {
  kHardware = 0,  // every member sees every store: one host, or CXL 3.0
  kSoftware = 1,  // stores are written back and lines dropped before they are read: CXL 2.0
};

struct PoolSizes {
  uint64_t capacity_bytes = 0;  // of the whole device or file, metadata included
  uint64_t extent_bytes = kChunkBytes;
  uint32_t members = 64;
  uint32_t holds = 1024;  // different objects one member can hold at a time
  uint32_t shards = 64;
  uint32_t shard_slots = 1024;  // objects a shard can name; keys spread evenly over the shards

  bool operator==(const PoolSizes&) const = default;
};

struct Superblock {
  uint64_t magic;  // stored last
  uint32_t version;
  uint32_t sum;  // CRC-32C of all 4096 bytes with magic and sum as zero
  // A reader that does not know an incompatible bit refuses the pool; one that does not know a
  // read-only bit may not write to it.
  uint64_t incompatible;
  uint64_t read_only_compatible;
  uint64_t compatible;
  std::array<uint8_t, 16> uuid;
  PoolSizes sizes;
  PoolCoherence coherence;
  uint32_t device_ordinal;
  uint32_t device_count;
  uint32_t reserved;
  std::array<char, 64> name;
  std::array<char, 64> failure_domain;
  std::array<uint8_t, 16> set_uuid;  // of the devices that are one pool; seeds the hash of keys
};
static_assert(std::is_trivially_copyable_v<Superblock> && sizeof(Superblock) <= kSuperblockBytes);

struct MemberEntry {
  uint64_t word;        // MemberWord
  uint64_t hold_limit;  // no hold of this member lies at or above it
  // Of the lock file: two lock files for one device would prove nothing.
  uint64_t lock_device;
  uint64_t lock_inode;
  uint64_t boot;
  uint64_t process;     // its number on its host, for people
  uint64_t set_member;  // the same for all entries of one PoolSet
  uint64_t lease;       // LeasePromise
  uint64_t heartbeat;   // counted up by who lives, for other hosts, and by who begins to recover
  std::array<uint64_t, 7> reserved;
};
static_assert(sizeof(MemberEntry) == 2 * kPoolLineBytes);

struct ShardEntry {
  uint64_t lock;      // LockWord
  uint64_t version;   // of the shard's newest object
  uint32_t sequence;  // of its changes
  uint32_t watched;   // somebody wants to hear of the next one
  uint32_t bell;      // the pool's, in its first shard
  std::array<uint32_t, 9> reserved;
};
static_assert(sizeof(ShardEntry) == kPoolLineBytes);

enum class ObjectKind : uint8_t {
  kValue = 1,    // immutable once published, with a checksum
  kRegion = 2,   // members write to it; they agree among themselves how
  kCounter = 3,  // a 64-bit integer that changes atomically
};

struct ObjectHeader {
  uint32_t sum;          // CRC-32C of the rest of the header
  uint32_t payload_sum;  // of a value; else 0
  uint64_t version;
  uint64_t length;
  ObjectKind kind;
  uint8_t key_bytes;
  std::array<uint8_t, 6> reserved;
  std::array<char, kMaxKeyBytes> key;
};
static_assert(sizeof(ObjectHeader) == 2 * kPoolLineBytes);

class PoolLayout {
 public:
  // kInvalid: the sizes do not fit each other; the message says which.
  static Result<PoolLayout> Of(const PoolSizes& sizes);

  const PoolSizes& sizes() const { return sizes_; }
  // The table of the set that the device is part of (set_table.h), its copy, and a line with its
  // epoch.
  uint64_t set_offset() const { return 2 * kSuperblockBytes; }
  uint64_t members_offset() const { return set_offset() + 2 * kSetTableBytes + kPoolLineBytes; }
  uint64_t holds_offset() const { return holds_offset_; }
  uint64_t locks_offset() const { return locks_offset_; }
  uint64_t directory_offset() const { return directory_offset_; }
  uint64_t extents_offset() const { return extents_offset_; }
  uint64_t data_offset() const { return data_offset_; }
  uint64_t extent_count() const { return extent_count_; }
  uint64_t directory_words() const { return uint64_t{sizes_.shards} * sizes_.shard_slots; }

  // Size classes, smallest first: four to an octave, then the extent divided by 8, 7, ... 1.
  size_t class_count() const { return classes_.size(); }
  // REQUIRES: size_class < class_count(). All three.
  uint32_t SlotBytes(size_t size_class) const { return classes_[size_class].slot_bytes; }
  uint32_t SlotCount(size_t size_class) const { return classes_[size_class].slots; }
  uint32_t FirstSlot(size_t size_class) const { return classes_[size_class].first; }
  // The class for an object with its header, or kRunClass when it needs several extents.
  size_t ClassFor(uint64_t object_bytes) const;
  // Extents that a run for an object takes.
  uint64_t RunExtents(uint64_t object_bytes) const;
  // What the largest value can have, were the pool empty.
  uint64_t MaxPayloadBytes() const;

 private:
  struct SizeClass {
    uint32_t slot_bytes;
    uint32_t slots;
    uint32_t first;  // the first slot's offset in the extent, behind the bitmap
  };

  explicit PoolLayout(const PoolSizes& sizes) : sizes_(sizes) {}
  void AddClass(uint64_t slot_bytes);
  void MakeClasses();

  PoolSizes sizes_;
  uint64_t holds_offset_ = 0;
  uint64_t locks_offset_ = 0;
  uint64_t directory_offset_ = 0;
  uint64_t extents_offset_ = 0;
  uint64_t data_offset_ = 0;
  uint64_t extent_count_ = 0;
  std::vector<SizeClass> classes_;
};

}  // namespace memtiers
