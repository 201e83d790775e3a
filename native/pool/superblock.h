// A pool's superblock and its copy: writing them so that a pool is there whole or not at all, and
// telling what one has before oneself.
//
// No locks: callers see to it that one process formats.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/status.h"
#include "pool/layout.h"

namespace memtiers {

// What a device's first bytes are.
enum class PoolContent {
  kNothing,      // all zero
  kPool,         // one good superblock at least
  kHalfWritten,  // formatting was interrupted
  kForeign,      // something else
};

struct SuperblockReading {
  PoolContent content = PoolContent::kNothing;
  Superblock superblock{};  // of a pool
  bool both_good = false;   // false: check() tells and repair() writes the other one again
};

// REQUIRES: `start` has both superblocks. Unavailable: a pool that this build cannot use, e.g. of
// another version; the message names it. kLost: it was a pool and both superblocks are damaged, or
// they are of different pools.
Result<SuperblockReading> ReadSuperblocks(std::span<const std::byte> start);

// Whether a superblock can be used; `mapped_bytes` is what there is of the device. kLost: cut off.
Status CheckSuperblock(const Superblock& superblock, uint64_t mapped_bytes);

// Writes both, magic last, written back to the device at each step.
void WriteSuperblocks(std::byte* start, const Superblock& superblock);

// Takes the pool away: no magic remains.
void EraseSuperblocks(std::byte* start);

}  // namespace memtiers
