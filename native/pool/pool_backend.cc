#include "pool/pool_backend.h"

#include <utility>

#include "base/bytes.h"
#include "pool/set_table.h"

namespace memtiers {
namespace {

// Whether this host may write to the device, before anything is written to it.
Status CheckMayWrite(const PoolFile& pool) {
  const std::optional<SetTable> table = ReadSetTable(pool.memory());
  if (!table.has_value()) return {};  // a pool that no set was made of
  for (const SetEntry& entry : table->entries) {
    if (entry.state == SetEntryState::kLost && entry.uuid == pool.superblock().uuid) {
      return Status(Code::kUnavailable, "its pool goes on without this device");
    }
  }
  if (!pool.memory().coherence().software()) return {};
  const Result<RecordLock> lock = pool.OpenLock();
  if (!lock.ok()) return lock.status();
  const Result<LockIdentity> identity = lock.value().Identity();
  if (!identity.ok()) return identity.status();
  if (identity.value().boot == table->home_boot) return {};
  return Status(Code::kNoPermission,
                "with software coherence one host writes to a pool, and it is not this one");
}

}  // namespace

Result<std::unique_ptr<Backend>> PoolBackend::Open(const PoolBackendParams& params) {
  Result<std::shared_ptr<const PoolFile>> file = PoolFile::Open(params.place);
  if (!file.ok()) return file.status();
  const PoolFile& pool = *file.value();
  const uint64_t extent_bytes = pool.layout().sizes().extent_bytes;
  if (extent_bytes != kChunkBytes || pool.align_bytes() > kChunkBytes) {
    return Status(Code::kUnavailable, params.place.path + ": a tier needs extents of " +
                                          std::to_string(kChunkBytes / kMiB) +
                                          " MiB that can be mapped one by one");
  }
  if (const Status may = CheckMayWrite(pool); !may.ok()) return may;
  std::string note = "pool of " + std::to_string(pool.layout().sizes().capacity_bytes / kMiB) +
                     " MiB, " + params.place.path;
  Result<std::unique_ptr<Membership>> membership = Membership::Join(std::move(file.value()));
  if (!membership.ok()) return membership.status();
  const uint64_t most = AlignUp(params.capacity_bytes, kChunkBytes) / kChunkBytes;
  return std::unique_ptr<Backend>(
      new PoolBackend(std::move(membership.value()), most, std::move(note)));
}

std::optional<uint64_t> PoolBackend::TakeSlots(uint64_t& count) {
  const uint64_t wanted = count;
  const std::lock_guard lock(mutex_);
  std::optional<uint64_t> first = extents_.ClaimPrivate(count);
  if (first.has_value()) return first;
  // What tiers of the dead had is free once they are recovered.
  if (membership_->RecoverDead() == 0) return std::nullopt;
  return extents_.ClaimPrivate(count = wanted);
}

Status PoolBackend::MapSlots(std::byte* address, uint64_t first, uint64_t count) const {
  return membership_->file().MapPart(address, membership_->memory().ExtentOffset(first),
                                     count * kChunkBytes);
}

Result<MappedRun> PoolBackend::Map(const MapRequest& request) {
  if (!membership_->Current()) {
    return Status(Code::kClosed, "this member of the pool was declared dead");
  }
  return SlotBackend::Map(request);
}

void PoolBackend::Release(std::span<const Backing> backings) {
  // The extents are somebody else's when this member was declared dead.
  if (!membership_->Current()) return;
  const std::lock_guard lock(mutex_);
  for (const Backing& backing : backings) extents_.Release(backing.slot, 1);
}

}  // namespace memtiers
