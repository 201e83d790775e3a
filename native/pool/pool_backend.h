// Chunks in a shared pool: a part of its device that is this member's own for as long as he lives.
//
// Nothing in the pool names these bytes, and no other member reads them. They go back when their
// chunk is released, when the backend is closed, and when the process dies, however it does:
// whoever needs room finds the dead and frees them. The backend is a member of its own, beside
// whatever else the process does with the pool.
//
// A member of another host who is reclaimed (Membership::ReclaimBoot) while he lives is told at the
// next Map; nothing can keep him from his mappings, so hosts are cut off before they are reclaimed.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "memory/slot_backend.h"
#include "pool/extents.h"
#include "pool/membership.h"
#include "pool/pool_file.h"

namespace memtiers {

struct PoolBackendParams {
  PoolPlace place;  // of a pool that there is
  uint64_t capacity_bytes = 0;
};

class PoolBackend final : public SlotBackend {
 public:
  // As PoolFile::Open and Membership::Join; kUnavailable also for a pool whose extents or whose
  // device's mappings are not of chunks, and for a device that the pool has lost. kNoPermission:
  // with software coherence another host writes.
  static Result<std::unique_ptr<Backend>> Open(const PoolBackendParams& params);

  BackendKind kind() const override { return BackendKind::kPool; }
  std::string note() const override { return note_; }
  bool available() const override { return membership_->Current(); }
  // kFull: the pool has no free extent; objects and other members' tiers have them. kClosed: this
  // member was declared dead.
  Result<MappedRun> Map(const MapRequest& request) override;
  void Release(std::span<const Backing> backings) override;

 private:
  PoolBackend(std::unique_ptr<Membership> membership, uint64_t most, std::string note)
      : membership_(std::move(membership)),
        extents_(membership_->memory(), membership_->index(), most),
        note_(std::move(note)) {}

  // Slots are extents.
  std::optional<uint64_t> TakeSlots(uint64_t& count) override;
  Status MapSlots(std::byte* address, uint64_t first, uint64_t count) const override;

  std::unique_ptr<Membership> membership_;  // leaves, and so gives back, last
  std::mutex mutex_;                        // of the extents
  Extents extents_;
  std::string note_;
};

}  // namespace memtiers
