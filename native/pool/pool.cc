#include "pool/pool.h"

#include <cstring>
#include <utility>

#include "pool/checksum.h"
#include "pool/faults.h"

namespace memtiers {
namespace {

uint64_t QuotaExtents(const PoolFile& file, uint64_t bytes) {
  if (bytes == UINT64_MAX) return file.layout().extent_count();
  return bytes / file.layout().sizes().extent_bytes;
}

}  // namespace

Pool::Pool(std::unique_ptr<Membership> membership, const PoolOptions& options)
    : membership_(std::move(membership)),
      verify_(options.verify),
      holds_(membership_->memory(), membership_->index()),
      shards_(*membership_, options.patience),
      allocator_(*membership_, shards_, QuotaExtents(membership_->file(), options.quota_bytes)) {
  // A foreign cache may show old bytes at any time, not only the first.
  if (memory().coherence().software()) verify_ = PoolVerify::kAlways;
}

Result<std::unique_ptr<Pool>> Pool::Join(std::shared_ptr<const PoolFile> file,
                                         const PoolOptions& options) {
  Result<std::unique_ptr<Membership>> membership =
      Membership::Join(std::move(file), {.set_member = options.set_member, .lease = options.lease});
  if (!membership.ok()) return membership.status();
  return std::unique_ptr<Pool>(new Pool(std::move(membership.value()), options));
}

Pool::~Pool() {
  // What is empty needs nobody to adopt it.
  if (membership_->Current()) allocator_.ReleaseEmpty();
}

Status Pool::CheckKey(std::string_view key) const {
  if (!key.empty() && key.size() <= kMaxKeyBytes) return {};
  return Status(Code::kInvalid, "a key of a pool has 1 to " + std::to_string(kMaxKeyBytes) +
                                    " bytes, not " + std::to_string(key.size()));
}

Result<Draft> Pool::Begin(uint64_t bytes) {
  if (const Status current = membership_->CheckCurrent(); !current.ok()) return current;
  if (bytes > layout().MaxPayloadBytes()) {
    return Status(Code::kInvalid,
                  "a value of " + std::to_string(bytes) + " bytes is larger than the pool");
  }
  const Result<Slot> slot = allocator_.Allocate(sizeof(ObjectHeader) + bytes);
  if (!slot.ok()) return slot.status();
  return Draft{.slot = slot.value(), .payload = memory().Payload(slot.value().offset, bytes)};
}

void Pool::Abandon(const Draft& draft) { allocator_.Discard(draft.slot); }

void Pool::Write(const Draft& draft, std::string_view key, ObjectKind kind) {
  ObjectHeader header{};
  header.length = draft.payload.size();
  header.kind = kind;
  header.key_bytes = static_cast<uint8_t>(key.size());
  key.copy(header.key.data(), key.size());
  if (kind == ObjectKind::kValue) header.payload_sum = Crc32c(draft.payload);
  memory().Header(draft.slot.offset) = header;
  if (Obeys(PoolRule::kWritesBackPayload)) {
    memory().coherence().Publish(draft.payload.data(), draft.payload.size());
  }
}

void Pool::SealHeader(const Draft& draft, uint64_t version) {
  ObjectHeader& header = memory().Header(draft.slot.offset);
  header.version = version;
  header.sum = memory().HeaderSum(header);
  if (Obeys(PoolRule::kWritesBackHeader)) memory().coherence().Publish(&header, sizeof header);
}

uint64_t Pool::VersionOf(const Found& found) const {
  return found.position.has_value() ? memory().Header(found.slot.offset).version : 0;
}

bool Pool::IsSound(const Found& found) const {
  const ObjectHeader& header = memory().Header(found.slot.offset);
  return header.kind != ObjectKind::kValue ||
         Crc32c(memory().Payload(found.slot.offset, header.length)) == header.payload_sum;
}

void Pool::Commit(const Draft& draft, uint64_t hash, const Found& found, uint64_t version) {
  const ObjectWord word{.tag = PoolMemory::TagOf(hash),
                        .granule = draft.slot.offset / kPoolLineBytes,
                        .generation = static_cast<uint16_t>(version & 0x7ff)};
  const uint64_t position = found.position.value_or(found.room.value_or(0));
  // Everything before the commit is invisible, everything after it is a hint that is looked after;
  // so a death anywhere leaves the old value or the new one.
  if (Obeys(PoolRule::kWriteBeforeCommit)) SealHeader(draft, version);
  // The shard's version too: whoever goes on where our host loses its power must not give it again.
  if (Obeys(PoolRule::kWritesBackVersion)) {
    memory().coherence().Publish(memory().ShardLine(memory().ShardOf(hash)), kPoolLineBytes);
  }
  memory().SetLive(draft.slot);
  CrashPoint();
  if (found.position.has_value() && Obeys(PoolRule::kClearLiveBeforeUnlink)) {
    memory().ClearLive(found.slot);
    CrashPoint();
  }
  shards_.Commit(position, word.Pack());
  if (found.position.has_value() && !Obeys(PoolRule::kClearLiveBeforeUnlink)) {
    CrashPoint();
    memory().ClearLive(found.slot);
  }
  if (!Obeys(PoolRule::kWriteBeforeCommit)) SealHeader(draft, version);
  CrashPoint();
}

// The order decides: clear first, and a death leaves a hint that is checked; unlink first, and it
// leaves a slot that nobody finds.
void Pool::Unlink(const Found& found) {
  if (Obeys(PoolRule::kClearLiveBeforeUnlink)) memory().ClearLive(found.slot);
  CrashPoint();
  shards_.Remove(found.position.value_or(0));
  if (!Obeys(PoolRule::kClearLiveBeforeUnlink)) {
    CrashPoint();
    memory().ClearLive(found.slot);
  }
}

Result<Changed> Pool::PublishLocked(const Draft& draft, std::string_view key, uint64_t hash,
                                    std::optional<uint64_t> expected, Slot& replaced) {
  if (const Status current = membership_->CheckCurrent(); !current.ok()) return current;
  const Found found = shards_.Find(key, hash);
  const uint64_t before = VersionOf(found);
  if (expected.value_or(before) != before) {
    return Changed{.done = false, .version = before};
  }
  if (!found.position.has_value() && !found.room.has_value()) {
    return Status(Code::kFull, "the key's shard of the pool's directory is full");
  }
  const uint64_t version = shards_.NextVersion(memory().ShardOf(hash));
  Commit(draft, hash, found, version);
  if (found.position.has_value()) replaced = found.slot;
  return Changed{.done = true, .version = version};
}

Result<Changed> Pool::Publish(const Draft& draft, std::string_view key, ObjectKind kind,
                              std::optional<uint64_t> expected) {
  if (const Status checked = CheckKey(key); !checked.ok()) return checked;
  if (kind == ObjectKind::kCounter && draft.payload.size() != sizeof(int64_t)) {
    return Status(Code::kInvalid, "a counter has 8 bytes");
  }
  const uint64_t hash = memory().Hash(key);
  Write(draft, key, kind);
  const uint32_t shard = memory().ShardOf(hash);
  if (const Status locked = shards_.Lock(shard); !locked.ok()) return locked;
  Slot replaced;
  const Result<Changed> changed = PublishLocked(draft, key, hash, expected, replaced);
  shards_.Unlock(shard);
  if (!changed.ok() || !changed.value().done) return changed;
  allocator_.Share(draft.slot);
  if (replaced.offset != 0) allocator_.Retire(replaced);
  return changed;
}

Result<Changed> Pool::Put(std::string_view key, std::span<const std::byte> value,
                          std::optional<uint64_t> expected) {
  if (const Status checked = CheckKey(key); !checked.ok()) return checked;
  const Result<Draft> draft = Begin(value.size());
  if (!draft.ok()) return draft.status();
  if (!value.empty()) std::memcpy(draft.value().payload.data(), value.data(), value.size());
  Result<Changed> changed = Publish(draft.value(), key, ObjectKind::kValue, expected);
  if (!changed.ok() || !changed.value().done) Abandon(draft.value());
  return changed;
}

Result<Changed> Pool::Delete(std::string_view key, std::optional<uint64_t> expected) {
  if (const Status checked = CheckKey(key); !checked.ok()) return checked;
  const uint64_t hash = memory().Hash(key);
  const uint32_t shard = memory().ShardOf(hash);
  if (const Status locked = shards_.Lock(shard); !locked.ok()) return locked;
  const Found found = shards_.Find(key, hash);
  const uint64_t before = VersionOf(found);
  if (before == 0 || expected.value_or(before) != before) {
    shards_.Unlock(shard);
    return Changed{.done = false, .version = before};
  }
  if (const Status current = membership_->CheckCurrent(); !current.ok()) {
    shards_.Unlock(shard);
    return current;
  }
  Unlink(found);
  shards_.Unlock(shard);
  CrashPoint();
  allocator_.Retire(found.slot);
  return Changed{.done = true, .version = 0};
}

Result<int64_t> Pool::Add(std::string_view key, int64_t amount) {
  for (;;) {
    const Result<std::optional<Held>> held = Get(key);
    if (!held.ok()) return held.status();
    const std::optional<Held>& found = held.value();
    if (found.has_value()) {
      const Held& object = *found;
      const bool counter = object.kind == ObjectKind::kCounter;
      int64_t sum = 0;
      if (counter) {
        sum = AddTo(object.payload, amount);
      }
      Release(object);
      if (counter) return sum;
      return Status(Code::kInvalid, "the key has a value that is no counter");
    }
    const Result<Draft> draft = Begin(sizeof amount);
    if (!draft.ok()) return draft.status();
    std::memcpy(draft.value().payload.data(), &amount, sizeof amount);
    const Result<Changed> made = Publish(draft.value(), key, ObjectKind::kCounter, 0);
    if (made.ok() && made.value().done) return amount;
    Abandon(draft.value());
    if (!made.ok()) return made.status();
  }
}

PoolCheck Pool::Check() { return CheckPool(membership_->file(), &shards_); }

uint32_t Pool::Maintain() {
  const uint32_t dead = membership_->RecoverDead();
  allocator_.Sweep();
  return dead;
}

}  // namespace memtiers
