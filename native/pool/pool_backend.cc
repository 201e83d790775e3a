#include "pool/pool_backend.h"

#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "pool/set_table.h"
#include "sys/mapping.h"

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

std::optional<uint64_t> PoolBackend::Claim(uint64_t& count) {
  const uint64_t wanted = count;
  const std::lock_guard lock(mutex_);
  std::optional<uint64_t> first = extents_.ClaimPrivate(count);
  if (first.has_value()) return first;
  // What tiers of the dead had is free once they are recovered.
  if (membership_->RecoverDead() == 0) return std::nullopt;
  return extents_.ClaimPrivate(count = wanted);
}

Status PoolBackend::MapExtents(std::byte* address, uint64_t first, uint64_t count) const {
  return membership_->file().MapPart(address, membership_->memory().ExtentOffset(first),
                                     count * kChunkBytes);
}

Result<MappedRun> PoolBackend::Map(const MapRequest& request) {
  if (!membership_->Current()) {
    return Status(Code::kClosed, "this member of the pool was declared dead");
  }
  MappedRun run{.address = request.address, .backings = {}};
  for (uint64_t done = 0; done < request.chunks;) {
    uint64_t count = request.chunks - done;
    const std::optional<uint64_t> first = Claim(count);
    std::byte* const address = request.address + done * kChunkBytes;
    Status mapped(Code::kFull,
                  "pool, " + std::to_string(request.chunks - done) + " more chunks for a tier");
    if (first.has_value()) {
      for (uint64_t i = 0; i < count; ++i) run.backings.push_back({.slot = *first + i});
      mapped = MapExtents(address, *first, count);
    }
    if (!mapped.ok()) {
      Release(run.backings);
      return mapped;
    }
    // It has what its last user left.
    if (!request.overwritten) std::memset(address, 0, count * kChunkBytes);
    done += count;
  }
  return run;
}

Status PoolBackend::MapAgain(std::byte* address, const Backing& backing) const {
  return MapExtents(address, backing.slot, 1);
}

void PoolBackend::Release(std::span<const Backing> backings) {
  // The extents are somebody else's when this member was declared dead.
  if (!membership_->Current()) return;
  const std::lock_guard lock(mutex_);
  for (const Backing& backing : backings) extents_.Release(backing.slot, 1);
}

Status PoolBackend::Prefault(std::byte* address, size_t bytes) const {
  return PopulateRead(address, bytes);
}

}  // namespace memtiers
