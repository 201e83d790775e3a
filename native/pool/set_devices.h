// The devices of a set as one of its members has them: which there are now, in which order a key
// takes them, and their locks.
//
// The view follows the set's table: whoever locks a key's shard everywhere and then finds the epoch
// it knows may believe that all who change the key see each other. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "pool/pool.h"
#include "pool/pool_set.h"
#include "pool/set_table.h"

namespace memtiers {

// A device that is open. It stays so when the set loses it: somebody may have views of it.
struct SetDevice {
  uint32_t ordinal = 0;
  DeviceUuid uuid{};
  std::string path;
  std::string domain;
  std::shared_ptr<const PoolFile> file;
  std::unique_ptr<Pool> pool;  // of a set that is read only: none
  uint64_t damaged_reads = 0;
  uint64_t drafts = 0;  // that were handed out
  bool lost = false;

  const PoolMemory& memory() const { return file->memory(); }
};

SetEntry MakeSetEntry(const DeviceUuid& uuid, const PoolDevice& place, uint64_t epoch);

// A failure with the device that it is about. A system call's names the path already.
inline Status AtDevice(const std::string& path, const Status& status) {
  if (status.ok() || status.error() != 0) return status;
  return Status(status.code(), path + ": " + status.what());
}

class SetDevices {
 public:
  using View = std::vector<SetDevice*>;

  // Opens all devices of a set that `places` names some of.
  static Result<std::unique_ptr<SetDevices>> Open(const std::vector<PoolDevice>& places,
                                                  const PoolSetOptions& options);

  // Not lost, by ordinal. Changes with Follow, Lock and DeclareLost.
  const View& good() const { return good_; }
  // By the numbers that SetDraft and SetHeld have: all that were open ever.
  SetDevice* At(uint32_t number) const;
  uint32_t NumberOf(const SetDevice& device) const;
  const SetTable& table() const { return table_; }
  uint64_t boot() const { return boot_; }
  bool read_only() const { return read_only_; }
  bool replicated() const { return table_.replicas > 1; }

  uint64_t Hash(std::string_view key) const { return any().memory().Hash(key); }
  // All that are good, the one that the key wants most first.
  View Ranked(uint64_t hash) const;
  const SetDevice& any() const { return *all_.front(); }

  // Whether the table is the one we know. One load a device.
  bool Current() const;
  // Reads the table and opens or drops devices until it is so. kUnavailable: a device was added
  // that cannot be opened here. kLost: a device is gone, and its values with it, or all are.
  Status Follow();
  // Locks a key's shard on all devices, with the table current. kBusy, kClosed: as Shards::Lock.
  // kLost: as Follow.
  Status Lock(uint64_t hash);
  void Unlock(uint64_t hash);

  // Sees to devices that have lost their metadata since we looked: the set goes on without them
  // where it has replicas. `hash`: of the key whose shards we have locked.
  Status DropDead(std::optional<uint64_t> hash);
  Status DeclareLost(const DeviceUuid& uuid, std::optional<uint64_t> hash);
  // Leaves the devices that are lost, so that they can be formatted, as far as nobody has anything
  // of them. REQUIRES: nobody has a view.
  void Forget();
  // `place` is formatted as a new device of the set.
  Status Add(const PoolDevice& place, bool overwrite);
  // Leaves all tables, and joins again. Where that fails the set is read only from then on.
  // REQUIRES: nobody has anything that this member handed out.
  void Leave();
  Status JoinAgain();
  // Takes the set over from a boot that is over.
  Status TakeOver();

 private:
  explicit SetDevices(const PoolSetOptions& options) : options_(options) {}
  Status OpenNamed(const std::vector<PoolDevice>& places);
  Status ChooseTable();
  Status OpenMissing();
  Result<std::shared_ptr<const PoolFile>> OpenDevice(const DeviceUuid& uuid,
                                                     const std::string& path) const;
  Status Attach(const PoolPlace& place, std::shared_ptr<const PoolFile> file);
  Status Adopt(const SetTable& table);
  bool MayDoWithout() const;
  Status JoinPresent();
  Status JoinAll();
  std::optional<SetTable> Newest(const View& devices) const;
  template <typename Change>
  Status ChangeTable(std::optional<uint64_t> hash, const Change& change);

  PoolSetOptions options_;
  bool read_only_ = false;
  uint64_t boot_ = 0;
  uint64_t set_member_ = 0;
  SetTable table_{};
  std::vector<PoolPlace> places_;    // that the caller named
  std::vector<DeviceUuid> missing_;  // on opening
  std::vector<std::unique_ptr<SetDevice>> all_;
  View good_;
};

}  // namespace memtiers
