// What the kernel counts about NUMA: allocations by node, and its own balancing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace memtiers {

// Pages allocated on a node since boot, by everybody (Documentation/admin-guide/numastat.rst).
struct NodeAllocations {
  int node = 0;
  uint64_t hit = 0;             // as intended
  uint64_t miss = 0;            // here although another node was wanted
  uint64_t foreign = 0;         // elsewhere although this one was wanted
  uint64_t interleave_hit = 0;  // by an interleaving policy, as intended
  uint64_t local = 0;           // by CPUs of this node
  uint64_t other = 0;           // by CPUs of another
};

// NUMA balancing since boot, for everybody; counts of pages.
struct BalancingCounters {
  uint64_t pte_updates = 0;  // pages whose mapping was taken away to see who uses them
  uint64_t hint_faults = 0;  // uses seen that way
  uint64_t hint_faults_local = 0;
  uint64_t pages_migrated = 0;
};

struct KernelCounters {
  std::vector<NodeAllocations> nodes;  // online ones, by id
  std::optional<int> balancing_mode;   // of kernel.numa_balancing; absent when not built in
  std::optional<BalancingCounters> balancing;
};

// Reads the counters below `root`, "" being the running system; what is not there is absent.
// Thread-safe. About 30 us and 10 us a node.
KernelCounters ReadKernelCounters(const std::string& root);

}  // namespace memtiers
