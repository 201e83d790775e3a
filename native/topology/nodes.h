// NUMA nodes: memory, CPUs, distances and HMAT figures, from /sys/devices/system/node.
#pragma once

#include <vector>

#include "topology/machine.h"
#include "topology/tree_reader.h"

namespace memtiers {

// Every online node by id, those without memory or CPUs included; empty when /sys does not tell.
std::vector<Node> ScanNodes(TreeReader& reader);

}  // namespace memtiers
