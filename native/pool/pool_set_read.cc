// Reading: the devices are asked in the key's order, and the first that has the key has its value.
#include <algorithm>
#include <utility>

#include "pool/faults.h"
#include "pool/pool_set.h"
#include "pool/set_devices.h"
#include "pool/set_reader.h"

namespace memtiers {
namespace {

constexpr int kTries = 1000;
constexpr unsigned kDeviceShift = 48;  // of a position: behind it, the position in its directory

// What changes of a shard have been made on several devices: a key that moves from one to another
// while both are asked is on neither.
std::vector<uint64_t> Versions(const SetDevices::View& devices, uint64_t hash) {
  std::vector<uint64_t> versions;
  if (devices.size() < 2) return versions;
  for (const SetDevice* const device : devices) {
    const PoolMemory& memory = device->memory();
    const uint32_t shard = memory.ShardOf(hash);
    memory.coherence().Refresh(
        memory.base() + memory.layout().locks_offset() + uint64_t{shard} * kPoolLineBytes,
        kPoolLineBytes);
    versions.push_back(memory.ShardVersion(shard).load(std::memory_order_acquire));
  }
  return versions;
}

Status CheckKey(std::string_view key) {
  if (!key.empty() && key.size() <= kMaxKeyBytes) return {};
  return Status(Code::kInvalid, "a key of a pool has 1 to " + std::to_string(kMaxKeyBytes) +
                                    " bytes, not " + std::to_string(key.size()));
}

}  // namespace

// What one device has of a key.
Result<std::optional<SetHeld>> PoolSet::LookOn(SetDevice& device, std::string_view key,
                                               bool verify) const {
  std::optional<SetHeld> found;
  if (device.pool == nullptr) {
    const Result<std::optional<Copied>> copied = CopyFrom(device.memory(), key);
    if (!copied.ok()) return copied.status();
    if (const std::optional<Copied>& copy = copied.value(); copy.has_value()) {
      found = SetHeld{.payload = *copy->bytes,
                      .version = copy->version,
                      .kind = copy->kind,
                      .device = devices_->NumberOf(device),
                      .hold = 0,
                      .copy = copy->bytes};
    }
    return found;
  }
  const Result<std::optional<Held>> held = device.pool->Get(key, verify);
  if (!held.ok()) return held.status();
  if (const std::optional<Held>& object = held.value(); object.has_value()) {
    found = SetHeld{.payload = object->payload,
                    .version = object->version,
                    .kind = object->kind,
                    .device = devices_->NumberOf(device),
                    .hold = object->hold,
                    .copy = nullptr};
  }
  return found;
}

Result<std::optional<SetHeld>> PoolSet::Look(std::string_view key, bool verify) {
  if (const Status checked = CheckKey(key); !checked.ok()) return checked;
  const uint64_t hash = devices_->Hash(key);
  for (int i = 0; i < kTries; ++i) {
    if (!devices_->Current()) {
      // With a device lost, values that others have first are still theirs to give.
      Status followed = devices_->Follow();
      if (!followed.ok() && (followed.code() != Code::kLost || devices_->good().empty())) {
        return followed;
      }
    }
    const SetDevices::View ranked = devices_->Ranked(hash);
    const std::vector<uint64_t> before = Versions(ranked, hash);
    for (SetDevice* const device : ranked) {
      const Result<std::optional<SetHeld>> looked = LookOn(*device, key, verify);
      const std::optional<SetHeld> found = looked.ok() ? looked.value() : std::nullopt;
      // What was lost while it was read are zeroes, which sums may not have been asked about.
      const bool gone = device->file->AnyLost() &&
                        (device->file->MetadataLost() || (found.has_value() && IsLost(*found)));
      if (gone || looked.status().code() == Code::kLost) {
        if (found.has_value()) Release(*found);
        ++device->damaged_reads;
        return GetLocked(key, hash);
      }
      if (!looked.ok()) return looked.status();
      if (!found.has_value()) continue;
      if (HasItsCopies(ranked, *device, key, *found)) return found;
      Release(*found);
      return GetLocked(key, hash);
    }
    if (Versions(ranked, hash) == before && devices_->Current()) return std::optional<SetHeld>();
  }
  return Status(Code::kBusy, "the key changes faster than it can be read");
}

bool PoolSet::IsLost(const SetHeld& held) const {
  if (held.copy != nullptr) return false;  // its sum was compared after it was copied
  const SetDevice& device = *devices_->At(held.device);
  const auto offset = static_cast<uint64_t>(held.payload.data() - device.memory().base());
  return device.file->Lost(offset - sizeof(ObjectHeader),
                           sizeof(ObjectHeader) + held.payload.size());
}

// A key that its first device does not have may be one that is just being made, and whoever makes
// it may die before it has another copy: nobody may have read it then.
bool PoolSet::HasItsCopies(const std::vector<SetDevice*>& ranked, const SetDevice& device,
                           std::string_view key, const SetHeld& found) {
  const bool may_lack = devices_->replicated() && !read_only() &&
                        found.kind == ObjectKind::kValue && ranked.front() != &device;
  if (!may_lack) return true;
  auto other = std::ranges::find(ranked, &device);
  for (++other; other != ranked.end(); ++other) {
    const Result<std::optional<SetHeld>> looked = LookOn(**other, key, false);
    const std::optional<SetHeld> copy = looked.ok() ? looked.value() : std::nullopt;
    if (!copy.has_value()) continue;
    Release(*copy);
    if (copy->version == found.version) return true;
  }
  return false;
}

// A copy was damaged, or is missing. Nobody changes the key while the others are looked at, and
// what is found is where it belongs before anybody sees it: else he could see the value before it
// afterwards.
Result<std::optional<SetHeld>> PoolSet::GetLocked(std::string_view key, uint64_t hash) {
  SetScrub scrub;
  if (!read_only()) {
    if (const Status healed = Heal(key, scrub); !healed.ok()) return healed;
    figures_.healed += scrub.copied;
  }
  if (scrub.damaged > 0 || read_only()) ++figures_.failed_over;
  const Status lost(Code::kLost,
                    "a value of the pool is damaged, and there is no other copy of it");
  if (scrub.lost > 0) return lost;
  for (SetDevice* const device : devices_->Ranked(hash)) {
    if (device->file->MetadataLost()) continue;
    const Result<std::optional<SetHeld>> looked = LookOn(*device, key, true);
    std::optional<SetHeld> found = looked.ok() ? looked.value() : std::nullopt;
    if (!found.has_value()) continue;
    if (!IsLost(*found)) return found;
    Release(*found);
  }
  if (read_only()) return lost;
  return std::optional<SetHeld>();
}

Result<std::optional<SetHeld>> PoolSet::Get(std::string_view key) { return Look(key, true); }

Result<uint64_t> PoolSet::VersionOf(std::string_view key) {
  const Result<std::optional<SetHeld>> looked = Look(key, false);
  if (!looked.ok()) return looked.status();
  const std::optional<SetHeld>& found = looked.value();
  if (!found.has_value()) return uint64_t{0};
  Release(*found);
  return found->version;
}

void PoolSet::Release(const SetHeld& held) {
  SetDevice* const device = devices_->At(held.device);
  if (held.copy != nullptr || device == nullptr || device->pool == nullptr) return;
  device->pool->Release(
      {.payload = held.payload, .version = held.version, .kind = held.kind, .hold = held.hold});
}

// Whether no device before this one in the key's order has the key.
bool PoolSet::IsFirst(const SetDevice& device, std::string_view key, uint64_t hash) {
  for (SetDevice* const other : devices_->Ranked(hash)) {
    if (other == &device) return true;
    const Result<std::optional<SetHeld>> looked = LookOn(*other, key, false);
    const std::optional<SetHeld> found = looked.ok() ? looked.value() : std::nullopt;
    if (!found.has_value()) continue;
    Release(*found);
    return false;
  }
  return true;
}

std::optional<Listed> PoolSet::Next(uint64_t& position) {
  if (!devices_->Current()) (void)devices_->Follow();
  for (;;) {
    const auto number = static_cast<uint32_t>(position >> kDeviceShift);
    SetDevice* const device = devices_->At(number);
    if (device == nullptr) return std::nullopt;
    uint64_t at = position & ((uint64_t{1} << kDeviceShift) - 1);
    const bool good = std::ranges::find(devices_->good(), device) != devices_->good().end();
    std::optional<Listed> listed;
    if (good && !device->file->MetadataLost()) {
      listed = device->pool == nullptr ? ListFrom(device->memory(), at) : device->pool->Next(at);
    }
    if (!listed.has_value()) {
      position = uint64_t{number + 1} << kDeviceShift;
      continue;
    }
    position = uint64_t{number} << kDeviceShift | at;
    if (IsFirst(*device, listed->key, devices_->Hash(listed->key))) return listed;
  }
}

}  // namespace memtiers
