// The memory limit a container or service puts on this process.
#pragma once

#include <optional>

#include "topology/machine.h"
#include "topology/tree_reader.h"

namespace memtiers {

// Of all limits from the process's cgroup up to the root, in either cgroup version, the one with
// the least left. `used_bytes` leaves out inactive page cache, which goes before anything fails.
// Absent without a limit.
std::optional<MemoryLimit> ScanMemoryLimit(TreeReader& reader);

}  // namespace memtiers
