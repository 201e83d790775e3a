// Looking after copies: finding which of them are not as they should be, and making them so.
#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "pool/faults.h"
#include "pool/pool_set.h"
#include "pool/repair.h"
#include "pool/set_devices.h"

namespace memtiers {
namespace {

constexpr int kTries = 100;
constexpr size_t kKeys = 1000;
constexpr size_t kFindings = 64;

// What a key has on each device, in its order. REQUIRES: its shards are locked.
struct Copies {
  static constexpr size_t kNone = ~size_t{0};

  SetDevices::View devices;
  std::vector<Found> found;
  std::vector<bool> sound;
  size_t truth = kNone;  // the first that is sound
  uint64_t damaged = 0;
  bool newer_lost = false;  // something newer than the truth was there, and cannot be read

  bool has_truth() const { return truth != kNone; }
  uint64_t VersionAt(size_t i) const { return devices[i]->pool->VersionOf(found[i]); }
  bool EqualsTruth(size_t i) const { return sound[i] && VersionAt(i) == VersionAt(truth); }
  const ObjectHeader& Header() const {
    return devices[truth]->memory().Header(found[truth].slot.offset);
  }
};

bool InLostMemory(const SetDevice& device, const Found& found) {
  return device.file->AnyLost() &&
         device.file->Lost(found.slot.offset,
                           sizeof(ObjectHeader) + device.memory().Header(found.slot.offset).length);
}

Copies LookAt(const SetDevices& set, std::string_view key, uint64_t hash) {
  Copies copies{.devices = set.Ranked(hash), .found = {}, .sound = {}};
  uint64_t newest_damaged = 0;
  for (SetDevice* const device : copies.devices) {
    const Found found = device->pool->Find(key, hash);
    const bool there = found.position.has_value();
    const bool sound = there && device->pool->IsSound(found) && !InLostMemory(*device, found);
    copies.found.push_back(found);
    copies.sound.push_back(sound);
    if (sound && !copies.has_truth()) copies.truth = copies.found.size() - 1;
    if (!there || sound) continue;
    ++copies.damaged;
    newest_damaged = std::max(newest_damaged, device->pool->VersionOf(found));
  }
  copies.newer_lost = copies.has_truth() && newest_damaged > copies.VersionAt(copies.truth);
  return copies;
}

// Where copies should be: on the first devices in the key's order that do not fail together and
// have room, or a copy already.
std::vector<size_t> Targets(const Copies& copies, uint32_t wanted,
                            const std::vector<const SetDevice*>& full) {
  std::vector<size_t> targets;
  std::vector<std::string> domains;
  for (size_t i = 0; i < copies.devices.size() && targets.size() < wanted; ++i) {
    const SetDevice* const device = copies.devices[i];
    if (std::ranges::find(domains, device->domain) != domains.end()) continue;
    const bool room = std::ranges::find(full, device) == full.end() &&
                      (copies.found[i].position.has_value() || copies.found[i].room.has_value());
    if (!room && !copies.EqualsTruth(i)) continue;
    targets.push_back(i);
    domains.push_back(device->domain);
  }
  return targets;
}

bool Contains(const std::vector<size_t>& numbers, size_t number) {
  return std::ranges::find(numbers, number) != numbers.end();
}

}  // namespace

// Room is found without the locks, which finding it takes; so all is looked at again with it.
Status PoolSet::Heal(std::string_view key, SetScrub& scrub) {
  const uint64_t hash = devices_->Hash(key);
  std::map<SetDevice*, Draft> drafts;
  std::vector<const SetDevice*> full;
  Status status(Code::kBusy, "the key changes faster than it can be copied");
  for (int i = 0; i < kTries; ++i) {
    if (const Status locked = devices_->Lock(hash); !locked.ok()) {
      status = locked;
      break;
    }
    Copies copies = LookAt(*devices_, key, hash);
    uint64_t rubbish = 0;
    if (copies.has_truth() && devices_->replicated()) {
      for (SetDevice* const device : copies.devices) rubbish += device->pool->RemoveRubbish(hash);
      if (rubbish > 0) copies = LookAt(*devices_, key, hash);
    }
    scrub.damaged += rubbish;
    if (!copies.has_truth() || copies.newer_lost) {
      uint64_t unreadable = 0;
      for (SetDevice* const device : copies.devices) unreadable += device->pool->Rubbish(hash);
      const bool had = copies.damaged + unreadable > 0;
      if (had) {
        ++scrub.lost;
        scrub.damaged += copies.damaged + unreadable;
        if (scrub.lost_keys.size() < kKeys) scrub.lost_keys.emplace_back(key);
      }
      devices_->Unlock(hash);
      status = {};
      break;
    }
    const ObjectHeader header = copies.Header();
    const bool value = header.kind == ObjectKind::kValue;
    const uint32_t wanted = value ? replicas() : 1;
    // What is changed in place stays where it is.
    const std::vector<size_t> targets =
        value ? Targets(copies, wanted, full) : std::vector<size_t>{copies.truth};
    std::vector<SetDevice*> need;
    for (const size_t target : targets) {
      SetDevice* const device = copies.devices[target];
      const auto draft = drafts.find(device);
      if (copies.EqualsTruth(target)) continue;
      if (draft == drafts.end() || draft->second.payload.size() != header.length) {
        need.push_back(device);
      }
    }
    if (!need.empty()) {
      devices_->Unlock(hash);
      for (SetDevice* const device : need) {
        if (const auto old = drafts.find(device); old != drafts.end()) {
          device->pool->Abandon(old->second);
          drafts.erase(old);
        }
        const Result<Draft> draft = BeginOn(*device, header.length);
        if (draft.ok()) {
          drafts[device] = draft.value();
        } else {
          full.push_back(device);
        }
      }
      continue;
    }
    ++scrub.objects;
    scrub.bytes += header.length;
    scrub.damaged += copies.damaged;
    scrub.missing_copies += wanted - targets.size();
    const uint64_t version = copies.VersionAt(copies.truth);
    const PoolMemory& memory = copies.devices[copies.truth]->memory();
    const std::span<std::byte> payload =
        memory.Payload(copies.found[copies.truth].slot.offset, header.length);
    for (size_t target = copies.devices.size(); target-- > 0;) {
      if (!Contains(targets, target) || copies.EqualsTruth(target)) continue;
      SetDevice* const device = copies.devices[target];
      const Draft draft = drafts[device];
      if (header.length > 0) std::memcpy(draft.payload.data(), payload.data(), header.length);
      device->pool->Write(draft, key, header.kind);
      AtomicWord newest = device->pool->NewestVersion(hash);
      newest.store(std::max(newest.load(), version), std::memory_order_relaxed);
      device->pool->Commit(draft, hash, copies.found[target], version);
      CrashPoint();
      device->pool->Share(draft);
      drafts.erase(device);
      if (copies.found[target].position.has_value()) {
        replaced_.emplace_back(device, copies.found[target].slot);
      }
      ++scrub.copied;
      scrub.copied_bytes += header.length;
    }
    bool moved = false;
    for (size_t other = copies.devices.size(); other-- > 0;) {
      if (Contains(targets, other) || !copies.found[other].position.has_value()) continue;
      if (copies.EqualsTruth(other) && targets.size() < wanted) continue;
      if (!std::exchange(moved, true)) {
        for (SetDevice* const device : copies.devices) {
          AtomicWord newest = device->pool->NewestVersion(hash);
          newest.store(newest.load(std::memory_order_relaxed) + 1, std::memory_order_release);
        }
      }
      copies.devices[other]->pool->Unlink(copies.found[other]);
      CrashPoint();
      replaced_.emplace_back(copies.devices[other], copies.found[other].slot);
      ++scrub.removed;
    }
    Status dropped = devices_->DropDead(hash);
    devices_->Unlock(hash);
    RetireReplaced();
    status = dropped;
    break;
  }
  for (const auto& [device, draft] : drafts) device->pool->Abandon(draft);
  return status;
}

Status PoolSet::ScrubDevice(SetDevice& device, SetScrub& scrub) {
  uint64_t position = 0;
  while (const std::optional<Listed> listed = device.pool->Next(position)) {
    if (!IsFirst(device, listed->key, devices_->Hash(listed->key))) continue;
    if (const Status healed = Heal(listed->key, scrub); !healed.ok()) return healed;
    if (device.lost) break;
  }
  return {};
}

Result<SetScrub> PoolSet::Scrub() {
  if (read_only()) return Status(Code::kNoPermission, "the pool is open to be read only");
  if (const Status followed = devices_->Follow(); !followed.ok()) return followed;
  SetScrub scrub;
  const SetDevices::View view = devices_->good();
  for (SetDevice* const device : view) {
    if (device->lost) continue;
    if (const Status done = ScrubDevice(*device, scrub); !done.ok()) return done;
  }
  // What was seen to be damaged has been seen to.
  if (scrub.lost == 0) {
    for (SetDevice* const device : view) device->damaged_reads = 0;
  }
  return scrub;
}

Result<SetCheck> PoolSet::Check() {
  if (!devices_->Current()) {
    if (const Status followed = devices_->Follow(); !followed.ok()) return followed;
  }
  SetCheck check;
  const SetDevices::View view = devices_->good();
  for (SetDevice* const device : view) {
    SetCheck::OfDevice one{.ordinal = device->ordinal, .check = {}};
    one.check = device->pool != nullptr ? device->pool->Check() : CheckPool(*device->file, nullptr);
    check.damages += one.check.damages;
    for (const std::string& finding : one.check.findings) {
      if (check.findings.size() == kFindings) break;
      check.findings.push_back("device " + std::to_string(device->ordinal) + ": " + finding);
    }
    if (device->file->AnyLost()) {
      ++check.damages;
      check.findings.push_back("device " + std::to_string(device->ordinal) + ": memory was lost");
    }
    check.devices.push_back(std::move(one));
  }
  uint64_t position = 0;
  while (const std::optional<Listed> listed = Next(position)) {
    ++check.objects;
    if (read_only() || listed->kind != ObjectKind::kValue) continue;
    const uint64_t hash = devices_->Hash(listed->key);
    if (const Status locked = devices_->Lock(hash); !locked.ok()) return locked;
    uint64_t first = 0;
    uint32_t equal = 0;
    std::vector<std::string> domains;
    for (SetDevice* const device : devices_->Ranked(hash)) {
      if (std::ranges::find(domains, device->domain) == domains.end()) {
        domains.push_back(device->domain);
      }
      const uint64_t version = device->pool->VersionOf(device->pool->Find(listed->key, hash));
      if (version == 0) continue;
      if (first == 0) first = version;
      if (version == first) ++equal;
      if (version != first) ++check.unequal_copies;
    }
    devices_->Unlock(hash);
    const auto could = static_cast<uint32_t>(std::min<size_t>(replicas(), domains.size()));
    if (first != 0 && equal < could) check.missing_copies += could - equal;
  }
  return check;
}

Result<SetRepair> PoolSet::Repair() {
  if (read_only()) return Status(Code::kNoPermission, "the pool is open to be read only");
  if (const Status followed = devices_->Follow(); !followed.ok()) return followed;
  if (drafts_ > 0 || figures().objects_held > 0) {
    return Status(Code::kBusy, "this member holds objects of the pool");
  }
  std::vector<std::shared_ptr<const PoolFile>> files;
  for (SetDevice* const device : devices_->good()) {
    Membership& self = device->pool->membership();
    self.RecoverDead();
    for (uint32_t member = 0; member < device->file->layout().sizes().members; ++member) {
      if (member == self.index() || !self.LivesElsewhere(member)) continue;
      return Status(Code::kBusy, "member " + std::to_string(member) + " of the pool is alive");
    }
    files.push_back(device->file);
  }
  SetRepair repair;
  Status status;
  devices_->Leave();
  for (const auto& file : files) {
    const Result<PoolRepair> one = RepairPool(file);
    if (!one.ok()) {
      status = one.status();
      break;
    }
    repair.mended += one.value().mended;
    repair.lost += one.value().lost;
    for (const std::string& key : one.value().keys) {
      if (repair.keys.size() < kKeys) repair.keys.push_back(key);
    }
  }
  if (const Status joined = devices_->JoinAgain(); !joined.ok()) return joined;
  if (!status.ok()) return status;
  const Result<SetScrub> scrub = Scrub();
  if (!scrub.ok()) return scrub.status();
  repair.scrub = scrub.value();
  const Result<SetCheck> check = Check();
  if (!check.ok()) return check.status();
  repair.check = check.value();
  return repair;
}

}  // namespace memtiers
