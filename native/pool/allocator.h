// A member's memory of the pool: slots for objects, taken from extents of his own, and back to them
// when nobody can read the object any more.
//
// All of it is private and derived: what the pool knows of is whose an extent is and which slots
// are published. So the common case takes no lock and touches no word that others write. What
// others delete of ours we find by sweeping; what the dead leave, by adopting. One thread at a
// time.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "pool/extents.h"
#include "pool/membership.h"
#include "pool/shards.h"
#include "pool/slab.h"

namespace memtiers {

struct AllocatorFigures {
  uint64_t extents = 0;  // owned
  uint64_t waiting = 0;  // objects that are unlinked, and held or not looked at yet
  uint64_t sweeps = 0;
  uint64_t adopted = 0;  // extents of the dead
  uint64_t restored =
      0;  // objects whose deletion was begun by somebody who died, and which are still there
};

class Allocator {
 public:
  Allocator(Membership& membership, Shards& shards, uint64_t quota_extents);

  // Room for an object with its header. kFull: the pool has none, whatever is swept, adopted or
  // recovered, or the quota is used. kInvalid: larger than the pool.
  Result<Slot> Allocate(uint64_t object_bytes);
  // The object is published: from now on others decide how long it lives.
  void Share(const Slot& slot);
  // It was never published.
  void Discard(const Slot& slot);
  // It is unlinked, by us. Nothing happens if it lies in somebody else's extent: he finds it.
  void Retire(const Slot& slot);

  // Finds what others have unlinked, and frees what nobody holds. REQUIRES: no shard is locked by
  // us.
  void Sweep();
  // Takes over extents of the dead, so many at most; how many.
  uint64_t Adopt(uint64_t most);
  // Gives back all extents without objects.
  void ReleaseEmpty();

  AllocatorFigures figures() const;

 private:
  struct Run {
    uint64_t extents = 0;
    bool kept = false;
  };

  Result<Slot> Pop(uint8_t size_class);
  Result<Slot> TryAllocate(uint8_t size_class, uint64_t run_extents, bool claim);
  void AddSlab(uint64_t extent, uint8_t size_class);
  void RemoveSlab(uint64_t extent);
  void List(uint64_t extent);
  void ListAllWithRoom();
  bool Owns(const Slot& slot) const;
  void Free(const Slot& slot);
  void FreeUnheld();
  bool WorthSweeping(uint8_t size_class) const;
  void SweepSlab(uint64_t extent);
  void SweepSlot(const Slot& slot);
  void MarkReferenced(const std::vector<uint64_t>& adopted);
  void MarkGranule(uint64_t granule, const std::vector<uint64_t>& adopted);
  void ClearUnmarked(uint64_t extent);
  void MaybeRelease(uint64_t extent);
  uint64_t DeadBits(uint64_t extent, const Slab& slab, uint32_t word) const;
  const PoolMemory& memory() const { return membership_->memory(); }

  Membership* membership_;
  Shards* shards_;
  Extents extents_;
  std::vector<std::unique_ptr<Slab>> slabs_;      // by extent
  std::vector<std::vector<uint64_t>> of_class_;   // extents
  std::vector<std::vector<uint64_t>> with_room_;  // likewise; some may be full by now
  std::unordered_map<uint64_t, Run> runs_;        // by first extent
  std::vector<Slot> retired_;
  size_t retired_limit_;
  uint64_t adopt_cursor_ = 0;
  AllocatorFigures figures_;
};

}  // namespace memtiers
