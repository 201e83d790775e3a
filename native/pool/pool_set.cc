#include "pool/pool_set.h"

#include <algorithm>
#include <set>
#include <thread>
#include <utility>

#include "pool/set_devices.h"

namespace memtiers {
namespace {

constexpr auto kCreationWait = std::chrono::seconds(5);

Status CheckDevices(const std::vector<PoolDevice>& devices, const PoolSetFormat& format) {
  if (devices.empty() || devices.size() > kMaxSetDevices) {
    return Status(Code::kInvalid, "a pool has 1 to " + std::to_string(kMaxSetDevices) + " devices");
  }
  std::set<std::string> domains;
  size_t alone = 0;
  for (const PoolDevice& device : devices) {
    if (device.failure_domain.empty()) {
      ++alone;
    } else {
      domains.insert(device.failure_domain);
    }
  }
  const size_t independent = domains.size() + alone;
  if (format.replicas == 0 || format.replicas > independent) {
    return Status(Code::kInvalid, std::to_string(format.replicas) + " replicas need as many " +
                                      "devices that do not fail together; there are " +
                                      std::to_string(independent));
  }
  return {};
}

DeviceUuid NewSetUuid(const std::shared_ptr<const PoolFile>& first) {
  return first->superblock().set_uuid;
}

}  // namespace

PoolSet::PoolSet(std::unique_ptr<SetDevices> devices, const PoolSetOptions& options)
    : options_(options), devices_(std::move(devices)) {
  name_ = LabelText(devices_->any().file->superblock().name);
}

PoolSet::~PoolSet() = default;

Result<std::unique_ptr<PoolSet>> PoolSet::Create(const std::vector<PoolDevice>& devices,
                                                 const PoolSetFormat& format,
                                                 const PoolSetOptions& options) {
  if (const Status checked = CheckDevices(devices, format); !checked.ok()) return checked;
  std::vector<std::shared_ptr<const PoolFile>> files;
  Status failed;
  SetTable table{};
  for (const PoolDevice& device : devices) {
    PoolFormat one;
    one.sizes = format.sizes;
    if (device.capacity_bytes != 0) one.sizes.capacity_bytes = device.capacity_bytes;
    one.coherence = format.coherence;
    one.name = format.name;
    one.failure_domain = device.failure_domain;
    one.device_ordinal = static_cast<uint32_t>(files.size());
    one.device_count = static_cast<uint32_t>(devices.size());
    one.overwrite = format.overwrite;
    if (!files.empty()) one.set_uuid = NewSetUuid(files.front());
    Result<std::shared_ptr<const PoolFile>> file = PoolFile::Create(device.place, one);
    if (!file.ok()) {
      failed = AtDevice(device.place.path, file.status());
      break;
    }
    const DeviceUuid uuid = file.value()->superblock().uuid;
    table.entries[files.size()] = MakeSetEntry(uuid, device, 1);
    files.push_back(std::move(file.value()));
  }
  if (!failed.ok()) {
    // Nothing of ours stays that would be in the way of the next try.
    for (size_t i = 0; i < files.size(); ++i) (void)PoolFile::Destroy(devices[i].place);
    return failed;
  }
  table.epoch = 1;
  table.replicas = format.replicas;
  table.set_uuid = files.front()->superblock().set_uuid;
  table.home_boot = ThisBoot();
  for (const auto& file : files) WriteSetTable(file->memory(), table);
  files.clear();
  return Open(devices, options);
}

Result<std::unique_ptr<PoolSet>> PoolSet::Open(const std::vector<PoolDevice>& devices,
                                               const PoolSetOptions& options) {
  Result<std::unique_ptr<SetDevices>> opened = SetDevices::Open(devices, options);
  if (!opened.ok()) return opened.status();
  std::unique_ptr<PoolSet> set(new PoolSet(std::move(opened.value()), options));
  set->places_ = devices;
  return set;
}

Result<std::unique_ptr<PoolSet>> PoolSet::OpenOrCreate(const std::vector<PoolDevice>& devices,
                                                       const PoolSetFormat& format,
                                                       const PoolSetOptions& options) {
  const auto until = std::chrono::steady_clock::now() + kCreationWait;
  for (;;) {
    bool nothing = true;
    for (const PoolDevice& device : devices) {
      const Result<PoolContent> content = PoolFile::Look(device.place);
      if (!content.ok()) return content.status();
      nothing = nothing && content.value() == PoolContent::kNothing;
    }
    Result<std::unique_ptr<PoolSet>> set =
        nothing ? Create(devices, format, options) : Open(devices, options);
    // Somebody else may be creating it.
    const Code code = set.status().code();
    const bool again = nothing ? code == Code::kBusy : code == Code::kUnavailable;
    if (set.ok() || !again || std::chrono::steady_clock::now() > until) return set;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

Status PoolSet::Destroy(const std::vector<PoolDevice>& devices) {
  for (const PoolDevice& device : devices) {
    if (const Status alone = PoolFile::CheckNoMembers(device.place); !alone.ok()) {
      return AtDevice(device.place.path, alone);
    }
  }
  for (const PoolDevice& device : devices) {
    Status destroyed = PoolFile::Destroy(device.place);
    if (!destroyed.ok()) {
      return AtDevice(device.place.path, destroyed);
    }
  }
  return {};
}

bool PoolSet::read_only() const { return devices_->read_only(); }
uint32_t PoolSet::replicas() const { return devices_->table().replicas; }
PoolCoherence PoolSet::coherence() const { return devices_->any().file->superblock().coherence; }
const PoolSizes& PoolSet::sizes() const { return devices_->any().file->superblock().sizes; }

uint64_t PoolSet::MaxPayloadBytes() const {
  uint64_t most = 0;
  for (const SetDevice* const device : devices_->good()) {
    most = std::max(most, device->file->layout().MaxPayloadBytes());
  }
  return most;
}

uint32_t PoolSet::Maintain() {
  if (read_only()) return 0;
  if (!devices_->Current()) (void)devices_->Follow();
  (void)devices_->DropDead(std::nullopt);
  devices_->Forget();
  uint32_t dead = 0;
  for (SetDevice* const device : devices_->good()) {
    dead = std::max(dead, device->pool->Maintain());
  }
  return dead;
}

Status PoolSet::AddDevice(const PoolDevice& device, bool overwrite) {
  if (read_only()) return Status(Code::kNoPermission, "the pool is open to be read only");
  devices_->Forget();
  Status added = devices_->Add(device, overwrite);
  if (added.ok()) places_.push_back(device);
  return added;
}

Status PoolSet::DeclareLost(uint32_t ordinal) {
  if (read_only()) return Status(Code::kNoPermission, "the pool is open to be read only");
  if (!devices_->Current()) (void)devices_->Follow();
  if (ordinal >= SetTable::kEntries ||
      devices_->table().entries[ordinal].state == SetEntryState::kNone) {
    return Status(Code::kInvalid, "the pool has no device " + std::to_string(ordinal));
  }
  Status declared = devices_->DeclareLost(devices_->table().entries[ordinal].uuid, std::nullopt);
  if (declared.code() != Code::kLost) return declared;
  return Status(Code::kInvalid, "it is the pool's last device");
}

Result<uint32_t> PoolSet::Reclaim(uint64_t boot) {
  if (read_only()) return Status(Code::kNoPermission, "the pool is open to be read only");
  if (boot == devices_->boot()) {
    return Status(Code::kInvalid, "this is the boot that this process runs in");
  }
  if (!devices_->Current()) (void)devices_->Follow();
  uint32_t most = 0;
  for (SetDevice* const device : devices_->good()) {
    most = std::max(most, device->pool->membership().ReclaimBoot(boot));
  }
  return most;
}

std::vector<std::shared_ptr<const PoolFile>> PoolSet::Files() const {
  std::vector<std::shared_ptr<const PoolFile>> files;
  for (const SetDevice* const device : devices_->good()) files.push_back(device->file);
  return files;
}

Pool* PoolSet::PoolOf(uint32_t ordinal) {
  for (SetDevice* const device : devices_->good()) {
    if (device->ordinal == ordinal) return device->pool.get();
  }
  return nullptr;
}

}  // namespace memtiers
