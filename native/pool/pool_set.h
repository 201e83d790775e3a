// Several devices as one pool: a value lies on the device its key chooses, or with two replicas on
// two devices that do not fail together; devices are added while members run, and what is lost with
// one is served from the other and copied again.
//
// What a reader may see is what pool.h says, over all devices: changes of a key are in one order,
// numbered by its version. A change that was acknowledged is on as many devices as the set has
// replicas, or on all that are left; a member killed within one has made it or not. Where that
// leaves copies that differ, the one on the first device of the key's order is the value, and a
// scrub makes the other equal; until then a change that its dead maker was not told of can still
// come about, when that device is lost. A copy that is damaged, poisoned or gone with its device is
// passed over. Regions and counters change in place, so they exist once, and are lost with their
// device.
//
// A set that is opened to be read only has no place in any table and stores nothing on any device:
// it reads by copying, comparing sums and looking again, and so sees a value that the key had,
// whole; with software coherence not necessarily the last one. Contents of regions may be torn
// there, and what is read of a set with replicas may be a change that nobody has acknowledged yet.
//
// One PoolSet is one member on every device. One thread at a time; threads open their own. It
// outlives what it hands out. An operation costs what it does on a single device, a change that for
// each device.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "pool/check.h"
#include "pool/pool.h"
#include "pool/pool_file.h"

namespace memtiers {

inline constexpr uint32_t kMaxSetDevices = 15;

struct PoolDevice {
  PoolPlace place;
  // Devices with the same one fail together. Empty: each device for itself.
  std::string failure_domain;
  // 0: the format's; of a device that is added, all there is of it, or as much as the first has.
  uint64_t capacity_bytes = 0;
};

struct PoolSetFormat {
  std::string name;
  PoolSizes sizes;  // of each device; capacity_bytes 0: all there is of it
  uint32_t replicas = 1;
  PoolCoherence coherence = PoolCoherence::kHardware;
  bool overwrite = false;  // as in PoolFormat
};

// What Open does about a device of the set that cannot be opened.
enum class MissingDevice {
  kRefuse,
  kDeclareLostIfReplicated,  // refuses where values are on one device only
  kDeclareLost,              // values that were only there are gone
};

struct PoolSetOptions {
  PoolVerify verify = PoolVerify::kFirst;
  uint64_t quota_bytes = UINT64_MAX;  // of each device
  std::chrono::milliseconds patience = std::chrono::seconds(5);
  LeaseTerms lease = {};  // on devices that other hosts may have
  bool read_only = false;
  MissingDevice missing = MissingDevice::kDeclareLostIfReplicated;
  // With software coherence one host writes, the one that created the set, until it boots again.
  // This makes the caller's the one. REQUIRES: that boot is over, or cut off from the devices.
  bool take_over = false;
};

// Room for a value that nobody else sees yet.
struct SetDraft {
  std::string key;
  std::span<std::byte> payload;
  uint32_t device = 0;  // as this PoolSet counts them
  Draft draft;          // on that device
};

// A value that stays readable until it is released.
struct SetHeld {
  std::span<std::byte> payload;
  uint64_t version = 0;
  ObjectKind kind = ObjectKind::kValue;
  uint32_t device = 0;  // as this PoolSet counts them
  uint32_t hold = 0;
  std::shared_ptr<std::vector<std::byte>> copy;  // of a set that is read only: what `payload` is of
};

enum class DeviceState {
  kGood,
  kSuspect,  // something on it was damaged, as this PoolSet has seen
  kLost,     // the set goes on without it
};

struct DeviceReport {
  uint32_t ordinal = 0;
  std::array<uint8_t, 16> uuid{};
  std::string path;  // as opened here; where it was added, if it is not open
  std::string failure_domain;
  DeviceState state = DeviceState::kGood;
  uint64_t capacity_bytes = 0;  // of extents
  uint64_t free_bytes = 0;      // likewise, that nobody owns
  uint64_t damaged_reads = 0;   // copies this PoolSet passed over
  std::string why;              // it is not good
};

struct MemberReport {
  uint64_t id = 0;  // the same on all devices
  uint32_t process = 0;
  uint64_t boot = 0;
  uint64_t generation = 0;  // on the first device that it is a member of
  uint32_t index = 0;       // likewise
  bool self = false;
  bool same_host = false;  // of this boot
  bool alive = false;      // or may be, for all that can be told here
  bool suspect = false;    // of another host, and silent for longer than its lease
  uint64_t held = 0;       // objects, on all devices
  uint64_t extent_bytes = 0;
};

struct SetCheck {
  struct OfDevice {
    uint32_t ordinal = 0;
    PoolCheck check;
  };
  std::vector<OfDevice> devices;  // that are not lost
  uint64_t objects = 0;           // each once, however many copies it has
  uint64_t missing_copies = 0;    // fewer than there could be: the next scrub makes them
  uint64_t unequal_copies = 0;    // of several versions: likewise
  uint64_t damages = 0;           // of all devices
  std::vector<std::string> findings;
  bool clean() const { return damages == 0; }
};

struct SetScrub {
  uint64_t objects = 0;
  uint64_t bytes = 0;
  uint64_t damaged = 0;  // copies
  uint64_t copied = 0;   // copies made anew: of what was damaged, missing, unequal or misplaced
  uint64_t copied_bytes = 0;
  uint64_t removed = 0;                // copies that should not be
  uint64_t lost = 0;                   // values without any sound copy
  uint64_t missing_copies = 0;         // that could not be made: no room, or no device
  std::vector<std::string> lost_keys;  // up to 1000
};

struct SetRepair {
  uint64_t mended = 0;            // words that were rubbish
  uint64_t lost = 0;              // copies that could not be saved
  std::vector<std::string> keys;  // theirs; a scrub has made them again from others where it could
  SetScrub scrub;
  SetCheck check;  // of the set as it is now
};

struct SetFigures {
  AllocatorFigures allocator;     // of all devices
  uint64_t objects_held = 0;      // by this PoolSet
  uint64_t failed_over = 0;       // reads that were served from another copy
  uint64_t healed = 0;            // copies made anew on reading
  uint64_t under_replicated = 0;  // changes that found fewer devices than replicas
  uint64_t epoch = 0;             // of the set's table
  uint64_t extent_bytes = 0;      // size of an extent
};

class SetDevices;  // set_devices.h
struct SetDevice;

class PoolSet {
 public:
  // Formats all devices and joins. kInvalid: sizes, labels, or fewer failure domains than replicas.
  // kBusy, kFull: as PoolFile::Create.
  static Result<std::unique_ptr<PoolSet>> Create(const std::vector<PoolDevice>& devices,
                                                 const PoolSetFormat& format,
                                                 const PoolSetOptions& options = {});
  // Joins a set. Devices are told apart by what is on them; those that the caller does not name are
  // looked for where they were added. kUnavailable: no pool, half a one, one of another version, a
  // device is missing. kLost: damaged, cut off, or the devices were changed apart from each other.
  static Result<std::unique_ptr<PoolSet>> Open(const std::vector<PoolDevice>& devices,
                                               const PoolSetOptions& options = {});
  // Opens, or creates where no device has anything on it.
  static Result<std::unique_ptr<PoolSet>> OpenOrCreate(const std::vector<PoolDevice>& devices,
                                                       const PoolSetFormat& format,
                                                       const PoolSetOptions& options = {});
  // As PoolFile::Destroy, of all of them. kBusy: one has members that live; then none is erased.
  static Status Destroy(const std::vector<PoolDevice>& devices);

  PoolSet(const PoolSet&) = delete;
  PoolSet& operator=(const PoolSet&) = delete;
  ~PoolSet();

  // Every change may fail so, and has changed nothing then. kInvalid: as in pool.h. kNoPermission:
  // the set is read only. kFull: no device that the value may be on has room. kBusy: a member that
  // lives keeps the shard locked. kClosed: this member was declared dead; open anew. kLost: no
  // device is left.

  // Gives a key a value. `expected`: only if the key's version is this; 0: only if it has none.
  Result<Changed> Put(std::string_view key, std::span<const std::byte> value,
                      std::optional<uint64_t> expected = std::nullopt);
  Result<Changed> Delete(std::string_view key, std::optional<uint64_t> expected = std::nullopt);
  // Adds to a counter, which begins with 0 where there is none; what it is then. kInvalid: the key
  // has something else.
  Result<int64_t> Add(std::string_view key, int64_t amount);

  // Room to write a key's value into; then Publish or Abandon it. Its contents are whatever was
  // there. Without a key: room of this member's own, on the device that has most, only to Abandon;
  // it comes back by itself when the process dies.
  Result<SetDraft> Begin(std::string_view key, uint64_t bytes);
  // As Put. The draft is used up if it was published, and only then. REQUIRES: it has a key.
  Result<Changed> Publish(const SetDraft& draft, ObjectKind kind,
                          std::optional<uint64_t> expected = std::nullopt);
  void Abandon(const SetDraft& draft);

  // Nothing: the key has no value. kFull: this member holds too many objects. kLost: the value is
  // there, and no copy of it is sound. Release it. A kValue is not to be written to.
  Result<std::optional<SetHeld>> Get(std::string_view key);
  void Release(const SetHeld& held);
  // What a key's version is, 0: none; without holding it.
  Result<uint64_t> VersionOf(std::string_view key);

  // The object at or after a position of all directories, and the position behind it. Each object
  // that is there throughout is met once; begin with 0. Nothing: there are no more. Keys that are
  // changed meanwhile may be met once more, or not.
  std::optional<Listed> Next(uint64_t& position);

  // What a member does now and then, so that others need not wait for it: recovers the dead, frees
  // what others have deleted of his. How many members were dead. A second apart is often enough.
  uint32_t Maintain();

  // Formats a device and makes it part of the set; members notice before their next operation. Keys
  // move there when they are changed or scrubbed. kFull: the set has kMaxSetDevices. A device that
  // the set has lost can be added again if `overwrite` is set: as a new one. kBusy: members have
  // not left it yet, which Maintain does.
  Status AddDevice(const PoolDevice& device, bool overwrite = false);
  // Goes on without a device, for good, as if it were lost. kInvalid: there is none, or no other.
  Status DeclareLost(uint32_t ordinal);

  std::vector<DeviceReport> Devices() const;
  std::vector<MemberReport> Members() const;
  // Walks over all devices (check.h) and compares copies, while others go on.
  Result<SetCheck> Check();
  // Makes every value have as many sound and equal copies as the set has replicas, on the devices
  // where they belong, while others go on. Rebuilds what a lost device had.
  Result<SetScrub> Scrub();
  // Mends all devices (repair.h), then scrubs. This member leaves and joins anew. kBusy: it holds
  // objects or drafts, or there are other members that live; then nothing has changed.
  Result<SetRepair> Repair();
  // As Membership::ReclaimBoot, on all devices.
  Result<uint32_t> Reclaim(uint64_t boot);

  const std::string& name() const { return name_; }
  bool read_only() const;
  uint32_t replicas() const;
  PoolCoherence coherence() const;
  const PoolSizes& sizes() const;
  uint64_t MaxPayloadBytes() const;  // of the largest device
  SetFigures figures() const;
  // Of the devices that are not lost, by ordinal; the key's shard is the same on all of them. Until
  // the next call of anything else.
  std::vector<std::shared_ptr<const PoolFile>> Files() const;
  // This member on a device; nullptr: lost, or the set is read only.
  Pool* PoolOf(uint32_t ordinal);

 private:
  // A copy to be made of a value, on one device.
  struct Copy {
    SetDevice* device = nullptr;
    Draft draft;
    bool committed = false;
  };

  PoolSet(std::unique_ptr<SetDevices> devices, const PoolSetOptions& options);
  Status CheckMayChange(std::string_view key) const;
  Result<std::vector<Copy>> MakeCopies(const SetDraft& draft, uint64_t hash, ObjectKind kind);
  Result<Changed> CommitCopies(std::vector<Copy>& copies, std::string_view key, uint64_t hash,
                               std::optional<uint64_t> expected);
  void AbandonCopies(const std::vector<Copy>& copies, const Copy* but);
  void RetireReplaced();
  bool IsLost(const SetHeld& held) const;
  bool HasItsCopies(const std::vector<SetDevice*>& ranked, const SetDevice& device,
                    std::string_view key, const SetHeld& found);
  Result<Draft> BeginOn(SetDevice& device, uint64_t bytes);
  Result<std::optional<SetHeld>> GetLocked(std::string_view key, uint64_t hash);
  Result<std::optional<SetHeld>> LookOn(SetDevice& device, std::string_view key, bool verify) const;
  Result<std::optional<SetHeld>> Look(std::string_view key, bool verify);
  bool IsFirst(const SetDevice& device, std::string_view key, uint64_t hash);
  Status Heal(std::string_view key, SetScrub& scrub);
  Status ScrubDevice(SetDevice& device, SetScrub& scrub);

  std::string name_;
  std::vector<PoolDevice> places_;
  PoolSetOptions options_;
  std::unique_ptr<SetDevices> devices_;
  SetFigures figures_;
  uint64_t drafts_ = 0;
  std::vector<std::pair<SetDevice*, Slot>> replaced_;  // by the change that is being made
};

}  // namespace memtiers
