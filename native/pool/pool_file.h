// A pool's device or file: making one, mapping one, taking one away.
//
// Immutable once open, so any threads share one PoolFile and its mapping; each joins by itself
// (membership.h). The mapping goes with the last reference, so nobody may keep an address of it
// longer.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "pool/layout.h"
#include "pool/pool_memory.h"
#include "pool/superblock.h"
#include "sys/bus_fault.h"
#include "sys/record_lock.h"
#include "sys/shared_device.h"

namespace memtiers {

struct PoolPlace {
  std::string path;  // a regular file, a devdax device, or /proc/self/fd/N
  // The file whose byte locks prove who is alive: the device itself where empty. All members of a
  // host name the same.
  std::string lock_path;
};

struct PoolFormat {
  PoolSizes sizes;  // capacity_bytes 0: all of what there is
  PoolCoherence coherence = PoolCoherence::kHardware;
  std::string name;            // up to 63 bytes, for people
  std::string failure_domain;  // likewise: devices with the same one fail together
  uint32_t device_ordinal = 0;
  uint32_t device_count = 1;
  std::array<uint8_t, 16> uuid{};      // all zero: a new one
  std::array<uint8_t, 16> set_uuid{};  // all zero: a set of its own
  // Format whatever is there, unless it has members that live.
  bool overwrite = false;
};

class PoolFile {
 public:
  // Formats and opens. kBusy: there is a pool, or something else, or a pool with members. kFull: no
  // room on the file system. A creation that is interrupted leaves a file that Open refuses and
  // Create with `overwrite` formats.
  static Result<std::shared_ptr<const PoolFile>> Create(const PoolPlace& place,
                                                        const PoolFormat& format);
  // kUnavailable: no pool, half a pool, or one of another version. kLost: damaged or cut off.
  // `read_only`: nothing can be stored in it, and nobody can join it.
  static Result<std::shared_ptr<const PoolFile>> Open(const PoolPlace& place,
                                                      bool read_only = false);
  // What there is, without a change; a file that is not there has nothing on it.
  static Result<PoolContent> Look(const PoolPlace& place);
  // kBusy: it has members that live, as far as this host's locks tell.
  static Status CheckNoMembers(const PoolPlace& place);
  // Erases the superblocks; the file stays. kBusy: it has members that live.
  static Status Destroy(const PoolPlace& place);

  PoolFile(const PoolFile&) = delete;
  PoolFile& operator=(const PoolFile&) = delete;
  ~PoolFile();

  const PoolMemory& memory() const { return *memory_; }
  const PoolLayout& layout() const { return *layout_; }
  const Superblock& superblock() const { return superblock_; }
  // Whether nothing can be stored in it.
  bool read_only() const { return read_only_; }
  // Whether the superblock and its copy are good now.
  bool SuperblocksAreGood() const;
  void RestoreSuperblocks() const;
  // Whether it still is the pool that was opened: somebody may have taken it away or formatted it.
  bool StillThere() const;

  // Whether memory of the device was lost since it was opened: poison, a file that was cut off, a
  // device that is gone. This process goes on with zeroes there, which nobody else sees. One load
  // as long as nothing is.
  bool AnyLost() const { return lost_->load(std::memory_order_acquire) != 0; }
  bool Lost(uint64_t offset, uint64_t bytes) const {
    return AnyLost() && guard_->record().Any(offset, bytes);
  }
  // What all members need is lost, so the device is.
  bool MetadataLost() const { return Lost(0, layout_->data_offset()); }

  // Maps a part of the pool once more, over a reserved range. REQUIRES: inside the pool, aligned as
  // the device wants it.
  Status MapPart(std::byte* address, uint64_t offset, uint64_t bytes) const;
  // What the offset of a mapping is a multiple of.
  uint64_t align_bytes() const { return device_.align_bytes; }

  // A descriptor of its own for the member bytes 0 .. members - 1.
  Result<RecordLock> OpenLock() const;
  // Whether the locks are on the pool itself, so that nobody can have it and not see them.
  bool locks_itself() const { return lock_path_.empty() && !device_.character_device; }

 private:
  PoolFile() = default;
  static Result<std::unique_ptr<PoolFile>> Map(const PoolPlace& place, SharedDevice device,
                                               bool read_only = false);
  static Status CheckMayFormatAt(const PoolPlace& place, uint64_t bytes, bool overwrite);
  Status Use(const Superblock& superblock);
  void Format();

  SharedDevice device_;
  std::string lock_path_;
  bool read_only_ = false;
  std::byte* base_ = nullptr;
  uint64_t mapped_bytes_ = 0;
  uint64_t reserved_bytes_ = 0;
  Superblock superblock_{};
  std::unique_ptr<PoolLayout> layout_;
  std::unique_ptr<PoolMemory> memory_;
  std::shared_ptr<DamageCounter> lost_;
  std::unique_ptr<BusFaultGuard> guard_;
};

}  // namespace memtiers
