// Changes: copies are written where the key wants them, then named one after the other, the first
// in the key's order last, so that it decides.
#include <algorithm>
#include <cstring>
#include <utility>

#include "pool/faults.h"
#include "pool/pool_set.h"
#include "pool/set_devices.h"

namespace memtiers {
namespace {

constexpr int kDamageTries = 8;

// Whether memory that a draft's commit writes was lost: then nobody else will read it.
bool DraftIsLost(const SetDevice& device, const Draft& draft) {
  if (!device.file->AnyLost()) return false;
  const PoolLayout& layout = device.file->layout();
  const uint64_t extent = device.memory().ExtentOffset(draft.slot.extent);
  return device.file->Lost(0, layout.data_offset()) || device.file->Lost(extent, kMinBitmapBytes) ||
         device.file->Lost(draft.slot.offset, sizeof(ObjectHeader) + draft.payload.size());
}

}  // namespace

Status PoolSet::CheckMayChange(std::string_view key) const {
  if (read_only()) {
    return Status(Code::kNoPermission,
                  "the pool is open to be read only, on another host than the "
                  "one that writes or by choice");
  }
  if (!key.empty() && key.size() <= kMaxKeyBytes) return {};
  return Status(Code::kInvalid, "a key of a pool has 1 to " + std::to_string(kMaxKeyBytes) +
                                    " bytes, not " + std::to_string(key.size()));
}

// What lies in lost memory is left alone, so that nobody gets it again.
Result<Draft> PoolSet::BeginOn(SetDevice& device, uint64_t bytes) {
  Status status(Code::kLost, device.path + " has lost too much of its memory");
  for (int i = 0; i < kDamageTries; ++i) {
    Result<Draft> draft = device.pool->Begin(bytes);
    if (!draft.ok() || !DraftIsLost(device, draft.value())) return draft;
  }
  return status;
}

Result<SetDraft> PoolSet::Begin(std::string_view key, uint64_t bytes) {
  if (const Status checked = CheckMayChange(key.empty() ? "x" : key); !checked.ok()) return checked;
  if (!devices_->Current()) {
    if (const Status followed = devices_->Follow(); !followed.ok()) return followed;
  }
  SetDevices::View order = key.empty() ? devices_->good() : devices_->Ranked(devices_->Hash(key));
  if (key.empty() && order.size() > 1) {
    std::vector<std::pair<uint64_t, SetDevice*>> room;
    for (SetDevice* const device : order) {
      uint64_t free = 0;
      for (uint64_t extent = 0; extent < device->file->layout().extent_count(); ++extent) {
        const uint64_t word = device->memory().Extent(extent).load(std::memory_order_relaxed);
        if (ExtentWord::Unpack(word).state == ExtentState::kFree) ++free;
      }
      room.emplace_back(free * device->file->layout().sizes().extent_bytes, device);
    }
    std::ranges::sort(room, std::ranges::greater(), &std::pair<uint64_t, SetDevice*>::first);
    for (size_t i = 0; i < room.size(); ++i) order[i] = room[i].second;
  }
  Status status(Code::kLost, "the pool has lost all its devices");
  for (SetDevice* const device : order) {
    // A hint: who changes it has the lock and looks again.
    if (!key.empty() && order.size() > 1 && !device->pool->MayHaveRoom(devices_->Hash(key))) {
      status = Status(Code::kFull, "the key's shard of the pool's directory is full");
      continue;
    }
    const Result<Draft> draft = BeginOn(*device, bytes);
    if (draft.ok()) {
      ++drafts_;
      ++device->drafts;
      return SetDraft{.key = std::string(key),
                      .payload = draft.value().payload,
                      .device = devices_->NumberOf(*device),
                      .draft = draft.value()};
    }
    // Smaller devices may be what is too small; the last one says.
    status = draft.status();
    const bool gone = status.code() == Code::kClosed && device->file->MetadataLost();
    if (gone) status = Status(Code::kLost, device->path + " is lost");
    if (status.code() != Code::kFull && status.code() != Code::kInvalid &&
        status.code() != Code::kLost) {
      break;
    }
  }
  return status;
}

void PoolSet::Abandon(const SetDraft& draft) {
  SetDevice* const device = devices_->At(draft.device);
  if (device == nullptr || device->pool == nullptr) return;
  --drafts_;
  --device->drafts;
  if (!DraftIsLost(*device, draft.draft)) device->pool->Abandon(draft.draft);
}

void PoolSet::AbandonCopies(const std::vector<Copy>& copies, const Copy* but) {
  for (const Copy& copy : copies) {
    if (&copy == but || copy.committed || DraftIsLost(*copy.device, copy.draft)) continue;
    copy.device->pool->Abandon(copy.draft);
  }
}

// The draft, and as many more on other devices in the key's order as there are to be replicas.
Result<std::vector<PoolSet::Copy>> PoolSet::MakeCopies(const SetDraft& draft, uint64_t hash,
                                                       ObjectKind kind) {
  std::vector<Copy> copies;
  const uint32_t wanted = kind == ObjectKind::kValue ? replicas() : 1;
  SetDevice* const first = devices_->At(draft.device);
  first->pool->Write(draft.draft, draft.key, kind);
  copies.push_back({.device = first, .draft = draft.draft});
  if (wanted == 1) return copies;
  std::vector<std::string> domains{first->domain};
  Status full;
  for (SetDevice* const device : devices_->Ranked(hash)) {
    if (copies.size() == wanted) break;
    if (std::ranges::find(domains, device->domain) != domains.end()) continue;
    if (!device->pool->MayHaveRoom(hash)) {
      full = Status(Code::kFull, "its directory has none for the key");
      continue;
    }
    const Result<Draft> copy = BeginOn(*device, draft.payload.size());
    if (!copy.ok()) {
      if (copy.status().code() == Code::kFull) full = copy.status();
      continue;
    }
    if (!draft.payload.empty()) {
      std::memcpy(copy.value().payload.data(), draft.payload.data(), draft.payload.size());
    }
    device->pool->Write(copy.value(), draft.key, kind);
    copies.push_back({.device = device, .draft = copy.value()});
    domains.push_back(device->domain);
  }
  if (copies.size() == wanted) return copies;
  if (!full.ok()) {
    AbandonCopies(copies, copies.data());
    return Status(Code::kFull, "the pool has no room for a second copy: " + full.what());
  }
  return copies;
}

// REQUIRES: the key's shards are locked.
Result<Changed> PoolSet::CommitCopies(std::vector<Copy>& copies, std::string_view key,
                                      uint64_t hash, std::optional<uint64_t> expected) {
  const SetDevices::View ranked = devices_->Ranked(hash);
  std::vector<Found> found;
  uint64_t before = 0;
  uint64_t newest = 0;
  for (SetDevice* const device : ranked) {
    found.push_back(device->pool->Find(key, hash));
    if (before == 0) before = device->pool->VersionOf(found.back());
    newest = std::max(newest, device->pool->NewestVersion(hash).load(std::memory_order_relaxed));
  }
  if (expected.value_or(before) != before) return Changed{.done = false, .version = before};
  for (SetDevice* const device : ranked) {
    Status current = device->pool->membership().CheckCurrent();
    if (!current.ok()) return current;
  }
  const auto copy_on = [&](const SetDevice* device) {
    return std::ranges::find(copies, device, &Copy::device);
  };
  for (size_t i = 0; i < ranked.size(); ++i) {
    const bool room = found[i].position.has_value() || found[i].room.has_value();
    if (copy_on(ranked[i]) != copies.end() && !room) {
      return Status(Code::kFull, "the key's shard of the pool's directory is full");
    }
  }
  // What stood in the key's way and cannot be read goes; in front of it, it would be met first.
  for (SetDevice* const device : ranked) {
    if (device->damaged_reads > 0 && device->pool->RemoveRubbish(hash) > 0) {
      return CommitCopies(copies, key, hash, expected);
    }
  }
  const uint64_t version = newest + 1;
  for (SetDevice* const device : ranked) {
    device->pool->NewestVersion(hash).store(version, std::memory_order_relaxed);
  }
  const auto commit = [&] {
    for (size_t n = ranked.size(); n-- > 0;) {
      const size_t i = Obeys(PoolRule::kSetFirstCopyLast) ? n : ranked.size() - 1 - n;
      const auto copy = copy_on(ranked[i]);
      if (copy == copies.end()) continue;
      if (!Obeys(PoolRule::kSetWritesAllCopies) && copy != copies.begin()) continue;
      ranked[i]->pool->Commit(copy->draft, hash, found[i], version);
      copy->committed = true;
      CrashPoint();
    }
  };
  const auto unlink = [&] {
    bool moved = false;
    for (size_t i = ranked.size(); i-- > 0;) {
      if (copy_on(ranked[i]) != copies.end() || !found[i].position.has_value()) continue;
      // Who has looked for the key before it was here, and looks there after it is gone, must see
      // that something has happened in between.
      if (!std::exchange(moved, true)) {
        for (SetDevice* const device : ranked) {
          device->pool->NewestVersion(hash).store(version + 1, std::memory_order_release);
        }
      }
      ranked[i]->pool->Unlink(found[i]);
      CrashPoint();
    }
  };
  if (Obeys(PoolRule::kSetCommitsBeforeUnlinking)) {
    commit();
    unlink();
  } else {
    unlink();
    commit();
  }
  // What they replaced is ours to give back once nobody waits for us.
  for (size_t i = 0; i < ranked.size(); ++i) {
    if (found[i].position.has_value()) replaced_.emplace_back(ranked[i], found[i].slot);
  }
  return Changed{.done = true, .version = version};
}

Result<Changed> PoolSet::Publish(const SetDraft& draft, ObjectKind kind,
                                 std::optional<uint64_t> expected) {
  if (const Status checked = CheckMayChange(draft.key); !checked.ok()) return checked;
  if (kind == ObjectKind::kCounter && draft.payload.size() != sizeof(int64_t)) {
    return Status(Code::kInvalid, "a counter has 8 bytes");
  }
  SetDevice* const first = devices_->At(draft.device);
  if (first == nullptr || first->pool == nullptr) {
    return Status(Code::kInvalid, "a draft of another pool");
  }
  const uint64_t hash = devices_->Hash(draft.key);
  for (;;) {
    // Copies are allocated without locks, which allocation takes itself.
    if (!devices_->Current()) {
      if (const Status followed = devices_->Follow(); !followed.ok()) return followed;
    }
    const uint64_t epoch = devices_->table().epoch;
    if (first->lost || DraftIsLost(*first, draft.draft)) {
      return Status(Code::kLost, first->path + " has lost the memory of the draft");
    }
    Result<std::vector<Copy>> made = MakeCopies(draft, hash, kind);
    if (!made.ok()) return made.status();
    std::vector<Copy>& copies = made.value();
    if (const Status locked = devices_->Lock(hash); !locked.ok()) {
      AbandonCopies(copies, copies.data());
      return locked;
    }
    const bool moved = devices_->table().epoch != epoch;
    const bool lost = std::ranges::any_of(
        copies, [](const Copy& copy) { return DraftIsLost(*copy.device, copy.draft); });
    if (moved || lost) {
      devices_->Unlock(hash);
      AbandonCopies(copies, copies.data());
      continue;
    }
    Result<Changed> changed = CommitCopies(copies, draft.key, hash, expected);
    const bool done = changed.ok() && changed.value().done;
    // Before anybody is told that it is done: where it is, others must find it.
    Status dropped;
    bool damaged = false;
    if (done) {
      damaged = std::ranges::any_of(
          copies, [](const Copy& copy) { return DraftIsLost(*copy.device, copy.draft); });
      dropped = devices_->DropDead(hash);
    }
    devices_->Unlock(hash);
    if (!done) {
      AbandonCopies(copies, copies.data());
      // On a device that is lost nobody is a member any more.
      const bool dead = changed.status().code() == Code::kClosed &&
                        std::ranges::any_of(devices_->good(), [](const SetDevice* device) {
                          return device->file->MetadataLost();
                        });
      if (!dead) return changed;
      if (const Status without = devices_->DropDead(std::nullopt); !without.ok()) return without;
      continue;
    }
    --drafts_;
    --first->drafts;
    for (const Copy& copy : copies) copy.device->pool->Share(copy.draft);
    RetireReplaced();
    if (!dropped.ok()) return dropped;
    const uint32_t wanted = kind == ObjectKind::kValue ? replicas() : 1;
    if (damaged) {
      SetScrub scrub;
      (void)Heal(draft.key, scrub);
    }
    if (copies.size() < wanted) ++figures_.under_replicated;
    return changed;
  }
}

void PoolSet::RetireReplaced() {
  for (const auto& [device, slot] : replaced_) device->pool->Retire(slot);
  replaced_.clear();
}

Result<Changed> PoolSet::Put(std::string_view key, std::span<const std::byte> value,
                             std::optional<uint64_t> expected) {
  if (const Status checked = CheckMayChange(key); !checked.ok()) return checked;
  for (int i = 0;; ++i) {
    const Result<SetDraft> draft = Begin(key, value.size());
    if (!draft.ok()) return draft.status();
    if (!value.empty()) std::memcpy(draft.value().payload.data(), value.data(), value.size());
    Result<Changed> changed = Publish(draft.value(), ObjectKind::kValue, expected);
    if (changed.ok() && changed.value().done) return changed;
    Abandon(draft.value());
    // The device may be what was lost, and there are others.
    if (changed.status().code() != Code::kLost || i == kDamageTries) return changed;
    Status followed = devices_->Follow();
    if (!followed.ok()) return followed;
  }
}

Result<Changed> PoolSet::Delete(std::string_view key, std::optional<uint64_t> expected) {
  if (const Status checked = CheckMayChange(key); !checked.ok()) return checked;
  const uint64_t hash = devices_->Hash(key);
  if (const Status locked = devices_->Lock(hash); !locked.ok()) return locked;
  const SetDevices::View ranked = devices_->Ranked(hash);
  std::vector<Found> found;
  uint64_t before = 0;
  for (SetDevice* const device : ranked) {
    found.push_back(device->pool->Find(key, hash));
    if (before == 0) before = device->pool->VersionOf(found.back());
  }
  Changed changed{.done = false, .version = before};
  Status dropped;
  if (before != 0 && expected.value_or(before) == before) {
    // The one that decides goes last.
    for (size_t i = ranked.size(); i-- > 0;) {
      if (!found[i].position.has_value()) continue;
      ranked[i]->pool->Unlink(found[i]);
      CrashPoint();
      replaced_.emplace_back(ranked[i], found[i].slot);
    }
    changed = {.done = true, .version = 0};
    dropped = devices_->DropDead(hash);
  }
  devices_->Unlock(hash);
  RetireReplaced();
  if (!dropped.ok()) return dropped;
  return changed;
}

Result<int64_t> PoolSet::Add(std::string_view key, int64_t amount) {
  if (const Status checked = CheckMayChange(key); !checked.ok()) return checked;
  for (;;) {
    const Result<std::optional<SetHeld>> held = Get(key);
    if (!held.ok()) return held.status();
    if (const std::optional<SetHeld>& found = held.value(); found.has_value()) {
      const SetHeld& object = *found;
      const bool counter = object.kind == ObjectKind::kCounter;
      int64_t sum = 0;
      if (counter) {
        sum = AddTo(object.payload, amount);
        const SetDevice& device = *devices_->At(object.device);
        device.memory().coherence().Publish(object.payload.data(), sizeof sum);
      }
      Release(object);
      if (counter) return sum;
      return Status(Code::kInvalid, "the key has a value that is no counter");
    }
    const Result<SetDraft> draft = Begin(key, sizeof amount);
    if (!draft.ok()) return draft.status();
    std::memcpy(draft.value().payload.data(), &amount, sizeof amount);
    const Result<Changed> made = Publish(draft.value(), ObjectKind::kCounter, 0);
    if (made.ok() && made.value().done) return amount;
    Abandon(draft.value());
    if (!made.ok()) return made.status();
  }
}

}  // namespace memtiers
