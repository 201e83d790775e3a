// Makes a damaged pool one that the check finds nothing in, at the price of the objects that are
// damaged themselves.
//
// Allowed to nobody but a member who is alone: what repair takes for rubbish another could be
// writing. May be repeated, also after a death within it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "pool/check.h"
#include "pool/pool_file.h"

namespace memtiers {

struct PoolRepair {
  uint64_t mended = 0;            // words that were rubbish
  uint64_t lost = 0;              // objects that could not be saved
  std::vector<std::string> keys;  // theirs, as far as they can be read; up to 1000
  PoolCheck check;                // of the pool as it is now
};

// kBusy: it has other members that live.
Result<PoolRepair> RepairPool(const std::shared_ptr<const PoolFile>& file);

}  // namespace memtiers
