// Opening the devices of a set: which of those that are named belong together, which count, and
// what becomes of those that are missing.
#include <algorithm>
#include <random>
#include <utility>

#include "pool/set_devices.h"

namespace memtiers {

SetEntry MakeSetEntry(const DeviceUuid& uuid, const PoolDevice& place, uint64_t epoch) {
  SetEntry entry{};
  entry.uuid = uuid;
  entry.state = SetEntryState::kGood;
  entry.since = epoch;
  place.failure_domain.copy(entry.failure_domain.data(), entry.failure_domain.size() - 1);
  // A path that does not fit is the caller's to name each time.
  if (place.place.path.size() < entry.path.size()) {
    place.place.path.copy(entry.path.data(), place.place.path.size());
  }
  return entry;
}

Status SetDevices::OpenNamed(const std::vector<PoolDevice>& places) {
  Status first;
  for (const PoolDevice& named : places) {
    places_.push_back(named.place);
    Result<std::shared_ptr<const PoolFile>> file = PoolFile::Open(named.place, read_only_);
    if (!file.ok()) {
      if (first.ok()) {
        first = AtDevice(named.place.path, file.status());
      }
      continue;
    }
    const DeviceUuid uuid = file.value()->superblock().uuid;
    if (std::ranges::any_of(all_, [&](const auto& other) { return other->uuid == uuid; })) {
      return Status(Code::kInvalid, named.place.path + " is named twice");
    }
    if (Status attached = Attach(named.place, std::move(file.value())); !attached.ok()) {
      return attached;
    }
  }
  if (places.empty()) return Status(Code::kInvalid, "a pool has a device at least");
  if (all_.empty()) return first;
  const DeviceUuid set = all_.front()->file->superblock().set_uuid;
  for (const auto& device : all_) {
    if (device->file->superblock().set_uuid == set) continue;
    return Status(Code::kInvalid,
                  all_.front()->path + " and " + device->path + " are of different pools");
  }
  return {};
}

// The newest table counts. One that went on by itself after that table had given its device up has
// values that the others do not know of.
Status SetDevices::ChooseTable() {
  View all;
  for (const auto& device : all_) all.push_back(device.get());
  std::optional<SetTable> newest = Newest(all);
  const Superblock& superblock = any().file->superblock();
  if (!newest.has_value() || newest->epoch == 0) {
    if (all_.size() != 1 || superblock.device_count != 1) {
      return Status(Code::kUnavailable, "the pool's creation was interrupted; create it again");
    }
    newest = SetTable{};
    newest->epoch = 1;
    newest->replicas = 1;
    newest->set_uuid = superblock.set_uuid;
    newest->home_boot = boot_;
    newest->entries[0] = MakeSetEntry(
        any().uuid, {.place = places_.front(), .failure_domain = {}, .capacity_bytes = 0}, 1);
    if (!read_only_) {
      WriteSetTable(any().memory(), *newest);
      newest = ReadSetTable(any().memory()).value_or(*newest);
    }
  }
  for (const auto& device : all_) {
    const std::optional<SetTable> own = ReadSetTable(device->memory());
    if (!own.has_value()) continue;
    const auto state_of = [&](const SetTable& table) {
      for (const SetEntry& entry : table.entries) {
        if (entry.uuid == device->uuid) return std::pair(entry.state, entry.since);
      }
      return std::pair(SetEntryState::kNone, uint64_t{0});
    };
    const auto [state, since] = state_of(*newest);
    const bool gone_on = state == SetEntryState::kLost && own->epoch >= since &&
                         state_of(*own).first == SetEntryState::kGood;
    const bool two = own->epoch == newest->epoch && own->sum != newest->sum;
    if (gone_on || two) {
      return Status(Code::kLost, device->path +
                                     " and the pool's other devices were changed apart from each "
                                     "other; name those that count alone");
    }
    if (state != SetEntryState::kGood) device->lost = true;
  }
  table_ = *newest;
  return {};
}

bool SetDevices::MayDoWithout() const {
  return options_.missing == MissingDevice::kDeclareLost ||
         (options_.missing == MissingDevice::kDeclareLostIfReplicated && replicated());
}

Status SetDevices::OpenMissing() {
  for (uint32_t ordinal = 0; ordinal < SetTable::kEntries; ++ordinal) {
    const SetEntry& entry = table_.entries[ordinal];
    if (entry.state != SetEntryState::kGood) continue;
    const auto known =
        std::ranges::find_if(all_, [&](const auto& device) { return device->uuid == entry.uuid; });
    if (known != all_.end()) continue;
    const std::string path = LabelText(entry.path);
    Result<std::shared_ptr<const PoolFile>> file = OpenDevice(entry.uuid, path);
    if (file.ok()) {
      if (Status attached = Attach({.path = path, .lock_path = {}}, file.value()); !attached.ok()) {
        return attached;
      }
      continue;
    }
    if (!MayDoWithout()) {
      return Status(Code::kUnavailable, "device " + std::to_string(ordinal) + " of the pool (" +
                                            path + ") is missing: " + file.status().what());
    }
    missing_.push_back(entry.uuid);
  }
  return {};
}

Status SetDevices::JoinPresent() {
  // Without those that are missing, which nobody who changes the table can write it to.
  SetTable without = table_;
  for (SetEntry& entry : without.entries) {
    if (std::ranges::find(missing_, entry.uuid) != missing_.end() &&
        entry.state == SetEntryState::kGood) {
      entry.state = SetEntryState::kLost;
    }
  }
  const SetTable table = table_;
  Status adopted = Adopt(without);
  table_ = table;
  return adopted;
}

Status SetDevices::JoinAll() {
  Status joined = JoinPresent();
  // What was there when it was opened may be gone by now.
  while (!joined.ok()) {
    const size_t missing = missing_.size();
    for (const auto& device : all_) {
      const bool known = std::ranges::find(missing_, device->uuid) != missing_.end();
      if (!known && device->file->MetadataLost()) missing_.push_back(device->uuid);
    }
    if (missing_.size() == missing || !MayDoWithout()) return joined;
    joined = JoinPresent();
  }
  if (read_only_) return {};
  for (const DeviceUuid& uuid : missing_) {
    if (const Status declared = DeclareLost(uuid, std::nullopt); !declared.ok()) return declared;
  }
  return Follow();
}

Result<std::unique_ptr<SetDevices>> SetDevices::Open(const std::vector<PoolDevice>& places,
                                                     const PoolSetOptions& options) {
  std::unique_ptr<SetDevices> set(new SetDevices(options));
  set->boot_ = ThisBoot();
  std::random_device random;
  set->set_member_ = uint64_t{random()} << 32 | random() | 1;
  set->read_only_ = options.read_only;
  if (const Status opened = set->OpenNamed(places); !opened.ok()) return opened;
  if (const Status chosen = set->ChooseTable(); !chosen.ok()) return chosen;
  const bool software = set->any().memory().coherence().software();
  const bool foreign = software && set->table_.home_boot != set->boot_;
  if (foreign && !options.take_over && !options.read_only) {
    // Not even a mapping that could be written.
    PoolSetOptions reading = options;
    reading.read_only = true;
    return Open(places, reading);
  }
  if (const Status opened = set->OpenMissing(); !opened.ok()) return opened;
  if (const Status joined = set->JoinAll(); !joined.ok()) return joined;
  if (foreign && !options.read_only) {
    if (const Status taken = set->TakeOver(); !taken.ok()) return taken;
  }
  return set;
}

}  // namespace memtiers
