// Block devices and the file systems mounted from them.
#pragma once

#include <vector>

#include "topology/machine.h"
#include "topology/tree_reader.h"

namespace memtiers {

// Every block device that is storage (not a RAM disk), by name, with its mounts and those of its
// partitions. A device-mapper or md device takes origin and node of what it is made of, if that is
// of one kind. Overlays, binds of single files and mounts hidden by a later one are left out. With
// a root, `free_bytes` is 0: it is a question to the running kernel.
std::vector<BlockDevice> ScanBlocks(TreeReader& reader);

}  // namespace memtiers
