// How much memory a node, or the machine, can still give without swapping.
//
// Counts page cache and reclaimable slab as available, as MemAvailable does: on a server that has
// run for a day MemFree alone is close to zero. Thread-safe; one small file is read per call (about
// 30 us).
#pragma once

#include <cstddef>

#include "base/status.h"

namespace memtiers {

struct AvailableMemory {
  size_t total_bytes = 0;
  size_t available_bytes = 0;
};

// kUnavailable: there is no such node, or /sys is not mounted.
Result<AvailableMemory> AvailableOnNode(int node);

// kUnavailable: /proc is not mounted.
Result<AvailableMemory> AvailableOnMachine();

}  // namespace memtiers
