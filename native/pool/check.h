// A full walk over a pool that believes nothing it reads: every word, header, sum and reference is
// looked at, each against the others.
//
// It shares no code with those who change the pool but the layout and the words' format. Whatever
// the bytes are, it ends after one pass and touches nothing outside the pool. Takes about as long
// as reading all values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pool/pool_file.h"
#include "pool/shards.h"

namespace memtiers {

struct PoolCheck {
  uint64_t objects = 0;
  uint64_t bytes = 0;  // of their values
  uint32_t members = 0;
  uint64_t held = 0;
  uint64_t free_extents = 0;
  uint64_t owned_extents = 0;
  uint64_t orphan_extents = 0;
  uint64_t private_extents = 0;  // owned ones that hold no objects
  // Objects whose unlinking or publishing somebody has begun, or died in: no damage, the next sweep
  // or adoption sees to them.
  uint64_t unlinking = 0;
  uint64_t unpublished = 0;
  // What should not be, the first of it in words.
  uint64_t damages = 0;
  std::vector<std::string> findings;

  bool clean() const { return damages == 0; }
};

// With `shards`, a shard is locked while it is walked, so others may go on meanwhile; one that
// cannot be locked is a finding. Without, nobody may change the pool.
PoolCheck CheckPool(const PoolFile& file, Shards* shards);

}  // namespace memtiers
