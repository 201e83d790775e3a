#include "pool/set_devices.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace memtiers {
namespace {

constexpr int kFollowTries = 64;

// Rendezvous: what a device and a key are to each other does not depend on which others there are.
uint64_t Score(uint64_t hash, const DeviceUuid& uuid) {
  uint64_t device = 0;
  std::memcpy(&device, &uuid[8], sizeof device);
  uint64_t mixed = (hash ^ device) * 0x9e3779b97f4a7c15;
  mixed = (mixed ^ mixed >> 32) * 0xd6e8feb86659fd93;
  return mixed ^ mixed >> 32;
}

}  // namespace

SetDevice* SetDevices::At(uint32_t number) const {
  return number < all_.size() ? all_[number].get() : nullptr;
}

uint32_t SetDevices::NumberOf(const SetDevice& device) const {
  const auto found =
      std::ranges::find_if(all_, [&](const auto& other) { return other.get() == &device; });
  return static_cast<uint32_t>(found - all_.begin());
}

SetDevices::View SetDevices::Ranked(uint64_t hash) const {
  View ranked = good_;
  if (ranked.size() > 1) {
    std::ranges::sort(ranked, std::ranges::greater(),
                      [&](const SetDevice* device) { return Score(hash, device->uuid); });
  }
  return ranked;
}

bool SetDevices::Current() const {
  for (const SetDevice* const device : good_) {
    const AtomicWord epoch = SetEpoch(device->memory());
    if (read_only_) {
      device->memory().coherence().Refresh(
          device->memory().base() + device->memory().layout().set_offset() + 2 * kSetTableBytes,
          kPoolLineBytes);
      if (epoch.load(std::memory_order_acquire) > table_.epoch) return false;
    } else if (epoch.load(std::memory_order_acquire) != table_.epoch) {
      return false;
    }
  }
  return !good_.empty();
}

std::optional<SetTable> SetDevices::Newest(const View& devices) const {
  std::optional<SetTable> newest;
  for (const SetDevice* const device : devices) {
    if (device->file->MetadataLost()) continue;
    const std::optional<SetTable> table = ReadSetTable(device->memory());
    if (!table.has_value() || table->set_uuid != device->file->superblock().set_uuid) continue;
    if (!newest.has_value() || table->epoch > newest->epoch) newest = table;
  }
  return newest;
}

Status SetDevices::Attach(const PoolPlace& place, std::shared_ptr<const PoolFile> file) {
  auto device = std::make_unique<SetDevice>();
  device->uuid = file->superblock().uuid;
  device->path = place.path;
  device->file = std::move(file);
  all_.push_back(std::move(device));
  return {};
}

Result<std::shared_ptr<const PoolFile>> SetDevices::OpenDevice(const DeviceUuid& uuid,
                                                               const std::string& path) const {
  std::vector<PoolPlace> places = places_;
  if (!path.empty()) {
    // On a device of its own kind the locks are where they are for the others.
    PoolPlace place{.path = path, .lock_path = {}};
    if (!places_.empty()) place.lock_path = places_.front().lock_path;
    places.push_back(place);
  }
  Status why(Code::kUnavailable, "nobody named it");
  for (const PoolPlace& place : places) {
    Result<std::shared_ptr<const PoolFile>> file = PoolFile::Open(place, read_only_);
    if (file.ok() && file.value()->superblock().uuid == uuid) return file;
    if (place.path == path) {
      why = file.ok() ? Status(Code::kUnavailable, "there is another pool") : file.status();
    }
  }
  return why;
}

// Makes the view what a table says: devices that it has lost go, new ones come.
Status SetDevices::Adopt(const SetTable& table) {
  View view;
  for (uint32_t ordinal = 0; ordinal < SetTable::kEntries; ++ordinal) {
    const SetEntry& entry = table.entries[ordinal];
    if (entry.state != SetEntryState::kGood) continue;
    const auto known = std::ranges::find_if(
        all_, [&](const auto& device) { return device->uuid == entry.uuid && !device->lost; });
    SetDevice* device = known == all_.end() ? nullptr : known->get();
    if (device == nullptr) {
      const std::string path = LabelText(entry.path);
      Result<std::shared_ptr<const PoolFile>> file = OpenDevice(entry.uuid, path);
      if (!file.ok()) {
        return Status(file.status().code() == Code::kLost ? Code::kLost : Code::kUnavailable,
                      "device " + std::to_string(ordinal) + " of the pool (" + path +
                          ") cannot be opened: " + file.status().what());
      }
      if (Status attached = Attach({.path = path, .lock_path = {}}, file.value()); !attached.ok()) {
        return attached;
      }
      device = all_.back().get();
    }
    if (device->pool == nullptr && !read_only_) {
      Result<std::unique_ptr<Pool>> pool =
          Pool::Join(device->file, {.verify = options_.verify,
                                    .quota_bytes = options_.quota_bytes,
                                    .patience = options_.patience,
                                    .set_member = set_member_,
                                    .lease = options_.lease});
      if (!pool.ok()) return pool.status();
      device->pool = std::move(pool.value());
    }
    device->ordinal = ordinal;
    device->domain = LabelText(entry.failure_domain);
    if (device->domain.empty()) {
      device->domain.assign(reinterpret_cast<const char*>(entry.uuid.data()), entry.uuid.size());
    }
    view.push_back(device);
  }
  for (const auto& device : all_) {
    const bool in_use = std::ranges::find(view, device.get()) != view.end();
    device->lost =
        !in_use && std::ranges::find(good_, device.get()) != good_.end() ? true : device->lost;
  }
  table_ = table;
  good_ = std::move(view);
  if (good_.empty()) return Status(Code::kLost, "the pool has lost all its devices");
  return {};
}

template <typename Change>
Status SetDevices::ChangeTable(std::optional<uint64_t> hash, const Change& change) {
  // Who has locked a key's shards and waits for shard 0 is not waited for by those who have that:
  // they want nothing else.
  const bool have = hash.has_value() && any().memory().ShardOf(*hash) == 0;
  View locked;
  Status status;
  if (!have) {
    for (SetDevice* const device : good_) {
      if (device->file->MetadataLost()) continue;
      status = device->pool->Lock(0);
      if (!status.ok() && !device->file->MetadataLost()) break;
      if (status.ok()) locked.push_back(device);
      status = {};
    }
  }
  std::optional<SetTable> newest;
  View to_write;
  if (status.ok()) {
    newest = Newest(good_);
    if (!newest.has_value()) {
      status = Status(Code::kLost, "no device has a table of the pool");
    } else {
      SetTable next = *newest;
      if (change(next)) ++next.epoch;
      newest = next;
      to_write = good_;
      for (const auto& device : all_) {
        const bool entry = std::ranges::any_of(next.entries, [&](const SetEntry& one) {
          return one.state == SetEntryState::kGood && one.uuid == device->uuid;
        });
        if (entry && std::ranges::find(good_, device.get()) == good_.end()) {
          to_write.push_back(device.get());
        }
      }
      for (const SetDevice* const device : to_write) {
        if (!device->file->MetadataLost()) WriteSetTable(device->memory(), next);
      }
    }
  }
  for (SetDevice* const device : locked) device->pool->Unlock(0);
  if (!status.ok() || !newest.has_value()) return status;
  return Adopt(*newest);
}

Status SetDevices::DeclareLost(const DeviceUuid& uuid, std::optional<uint64_t> hash) {
  bool known = false;
  bool other = false;
  const auto change = [&](SetTable& table) {
    SetEntry* found = nullptr;
    for (SetEntry& entry : table.entries) {
      if (entry.state == SetEntryState::kNone) continue;
      if (entry.uuid == uuid) found = &entry;
      if (entry.uuid != uuid && entry.state == SetEntryState::kGood) other = true;
    }
    known = found != nullptr;
    if (found == nullptr || found->state == SetEntryState::kLost || !other) return false;
    found->state = SetEntryState::kLost;
    found->since = table.epoch + 1;
    return true;
  };
  Status changed = ChangeTable(hash, change);
  if (!changed.ok()) return changed;
  if (!known) return Status(Code::kInvalid, "the pool has no such device");
  if (!other) return Status(Code::kLost, "the last device of the pool is lost");
  return {};
}

Status SetDevices::DropDead(std::optional<uint64_t> hash) {
  const View view = good_;
  for (const SetDevice* const device : view) {
    if (!device->file->MetadataLost()) continue;
    if (!replicated()) {
      return Status(Code::kLost, "device " + std::to_string(device->ordinal) + " of the pool (" +
                                     device->path + ") is lost, and its values with it");
    }
    if (const Status declared = DeclareLost(device->uuid, hash); !declared.ok()) return declared;
  }
  return {};
}

Status SetDevices::Follow() {
  for (int i = 0; i < kFollowTries; ++i) {
    if (!read_only_) {
      if (const Status dropped = DropDead(std::nullopt); !dropped.ok()) return dropped;
    }
    const std::optional<SetTable> newest = Newest(good_);
    if (!newest.has_value()) return Status(Code::kLost, "no device has a table of the pool");
    if (const Status adopted = Adopt(*newest); !adopted.ok()) return adopted;
    if (read_only_ || Current()) return {};
    // Whoever was writing it has died, or is at it: then he has the lock.
    Status completed = ChangeTable(std::nullopt, [](SetTable&) { return false; });
    if (!completed.ok()) return completed;
    if (Current()) return {};
  }
  return Status(Code::kBusy, "the table of the pool changes faster than it can be read");
}

Status SetDevices::Lock(uint64_t hash) {
  for (int i = 0; i < kFollowTries; ++i) {
    if (!Current()) {
      if (const Status followed = Follow(); !followed.ok()) return followed;
    }
    Status status;
    size_t locked = 0;
    for (; locked < good_.size(); ++locked) {
      status = good_[locked]->pool->Lock(hash);
      if (!status.ok()) break;
    }
    if (status.ok() && Current()) return {};
    const bool dead = !status.ok() && good_[locked]->file->MetadataLost();
    for (size_t n = 0; n < locked; ++n) good_[n]->pool->Unlock(hash);
    if (!status.ok() && !dead) return status;
    if (const Status dropped = DropDead(std::nullopt); !dropped.ok()) return dropped;
  }
  return Status(Code::kBusy, "the table of the pool changes faster than it can be read");
}

void SetDevices::Unlock(uint64_t hash) {
  // Those that were lost since are not good any more; nobody else has locks of theirs to wait for.
  for (SetDevice* const device : good_) device->pool->Unlock(hash);
}

void SetDevices::Forget() {
  for (const auto& device : all_) {
    if (!device->lost || device->pool == nullptr) continue;
    if (device->pool->held() == 0 && device->drafts == 0) device->pool.reset();
  }
}

Status SetDevices::Add(const PoolDevice& place, bool overwrite) {
  if (const Status followed = Follow(); !followed.ok()) return followed;
  const Superblock& pattern = any().file->superblock();
  PoolFormat format;
  format.sizes = pattern.sizes;
  format.sizes.capacity_bytes = place.capacity_bytes;
  if (place.capacity_bytes == 0) {
    const Result<SharedDevice> there = OpenSharedDevice(place.place.path);
    const bool any_bytes = there.ok() && there.value().bytes > 0;
    if (!any_bytes) format.sizes.capacity_bytes = pattern.sizes.capacity_bytes;
  }
  format.coherence = pattern.coherence;
  format.name = LabelText(pattern.name);
  format.failure_domain = place.failure_domain;
  format.device_ordinal = static_cast<uint32_t>(good_.size());
  format.device_count = static_cast<uint32_t>(good_.size() + 1);
  format.set_uuid = pattern.set_uuid;
  format.overwrite = overwrite;
  Result<std::shared_ptr<const PoolFile>> file = PoolFile::Create(place.place, format);
  if (!file.ok()) return file.status();
  places_.push_back(place.place);
  const DeviceUuid uuid = file.value()->superblock().uuid;
  if (Status attached = Attach(place.place, file.value()); !attached.ok()) return attached;
  bool room = false;
  const auto change = [&](SetTable& table) {
    SetEntry* free = nullptr;
    for (SetEntry& entry : table.entries) {
      if (entry.state != SetEntryState::kGood && free == nullptr) free = &entry;
    }
    room = free != nullptr;
    if (free == nullptr) return false;
    *free = MakeSetEntry(uuid, place, table.epoch + 1);
    return true;
  };
  Status changed = ChangeTable(std::nullopt, change);
  if (changed.ok() && !room) {
    changed = Status(Code::kFull,
                     "a pool has at most " + std::to_string(SetTable::kEntries) + " devices");
  }
  return changed;
}

void SetDevices::Leave() {
  for (SetDevice* const device : good_) device->pool.reset();
}

Status SetDevices::JoinAgain() {
  Status joined = Adopt(table_);
  if (joined.ok()) return Follow();
  Leave();
  read_only_ = true;
  return joined;
}

Status SetDevices::TakeOver() {
  const uint64_t before = table_.home_boot;
  Status changed = ChangeTable(std::nullopt, [&](SetTable& table) {
    if (table.home_boot == boot_) return false;
    table.home_boot = boot_;
    return true;
  });
  if (!changed.ok()) return changed;
  for (SetDevice* const device : good_) device->pool->membership().ReclaimBoot(before);
  return {};
}

}  // namespace memtiers
