// The extent table: whose each 2 MiB are, claimed and given back one word at a time.
//
// A run is claimed from its first extent on and given back from its last, so whatever a death
// leaves begins with the first, and who has that has the right to the rest. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>

#include "pool/pool_memory.h"

namespace memtiers {

class Extents {
 public:
  // `quota`: how many this member may have at most.
  Extents(const PoolMemory& memory, uint32_t member, uint64_t quota);

  // A free extent for slots of a class, its bitmap clear. Nothing: none is free, or the quota is
  // used.
  std::optional<uint64_t> ClaimSlab(uint8_t size_class);
  // The first of so many in a row. Nothing: as above.
  std::optional<uint64_t> ClaimRun(uint64_t extents);
  // Extents in a row for bytes of the member's own, where no object lies; fewer than asked for when
  // no row is so long. Each is released by itself. Nothing: as above.
  std::optional<uint64_t> ClaimPrivate(uint64_t& extents);
  // Takes over an extent that a dead member left, or all of a run by its first. How many that were;
  // 0: it was none, or somebody was faster.
  uint64_t Adopt(uint64_t extent);
  // Gives extents back. REQUIRES: they are this member's, private ones, one slab or one whole run,
  // and no slot of them is in use.
  void Release(uint64_t first, uint64_t extents);

  uint64_t owned() const { return owned_; }
  uint64_t quota() const { return quota_; }

 private:
  bool Claim(uint64_t extent, uint8_t size_class, uint64_t run_index);
  std::optional<uint64_t> ClaimRow(uint64_t extents, uint8_t size_class);
  bool AdoptOne(uint64_t extent, uint64_t run_index, uint8_t size_class);
  void ReleaseOne(uint64_t extent);
  void ClearBitmap(uint64_t extent, uint64_t bytes);

  PoolMemory memory_;
  uint32_t member_;
  uint64_t quota_;
  uint64_t owned_ = 0;
  uint64_t cursor_;  // where the search goes on: what lies before it was found in use
};

}  // namespace memtiers
