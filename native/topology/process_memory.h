// On which nodes the memory of a process lies, from its numa_maps.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace memtiers {

struct NodeMemory {
  int node = 0;
  uint64_t bytes = 0;         // mapped and present, files included
  uint64_t placed_bytes = 0;  // the part in mappings with a policy that names nodes
};

// Adds up lines of a numa_maps (numa(7)). Pure; a line that makes no sense adds nothing.
class NumaMapsSum {
 public:
  void Take(std::string_view line);
  // By node.
  std::vector<NodeMemory> Finish() const;

 private:
  std::map<int, NodeMemory> nodes_;
};

// Of process `pid` now, 0 being this one, below `root`, "" being the running system. The kernel
// walks the page tables, about 5 ms per GiB of small pages, and whoever maps memory there meanwhile
// waits. kUnavailable: a kernel without NUMA, or no such process. kNoPermission: somebody else's
// process. Thread-safe.
Result<std::vector<NodeMemory>> ReadProcessMemory(const std::string& root, int pid);

}  // namespace memtiers
