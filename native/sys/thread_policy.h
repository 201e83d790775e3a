// Where the kernel takes memory from that the calling thread is the first to touch
// (set_mempolicy(2)), but for ranges with a policy of their own.
//
// Per thread; threads and processes that it starts begin with it. EPERM and ENOSYS (kNoPermission)
// mean a container's filter.
#pragma once

#include <vector>

#include "base/status.h"

namespace memtiers {

// A policy as the kernel has it: mode with its flags, and nodes. The default one is that of the
// system: from the node of the CPU.
struct ThreadPolicy {
  int mode = 0;
  std::vector<int> nodes;
};

Result<ThreadPolicy> GetThreadPolicy();

// kUnavailable: a node is not there, has no memory, or is not in the cpuset.
Status SetThreadPolicy(const ThreadPolicy& policy);

// Prefers a node, and spills to the others when it is full. A strict binding would call the OOM
// killer instead. Also keeps the kernel's NUMA balancing off what the thread uses.
Status PreferNodeForThread(int node);

}  // namespace memtiers
