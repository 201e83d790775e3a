// Devices of the dax bus: persistent, CXL and firmware-reserved memory, as device or as node.
#pragma once

#include <vector>

#include "topology/machine.h"
#include "topology/tree_reader.h"

namespace memtiers {

// Every device with a size, by name. Empty without a dax bus, which is the usual case.
std::vector<DaxDevice> ScanDax(TreeReader& reader);

}  // namespace memtiers
