// Moving pages from node to node: batches against one page a call, and against the migratepages
// tool, which moves all of another process.
#pragma once

namespace memtiers {

// Says why it is skipped where fewer than two nodes have memory.
void BenchNodes(int rounds);

// The other process: holds memory on a node, and answers how much of it lies where, until its input
// ends. Started by BenchNodes as `program kHoldMemory NODE`.
inline constexpr char kHoldMemory[] = "hold";
int HoldMemory(int node);

}  // namespace memtiers
