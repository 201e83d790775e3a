// Placement of memory on NUMA nodes, through libnuma's thin system call wrappers: they report
// errno, where its convenience functions print to stderr and hand back unplaced memory
// (libnuma 2.0.16).
//
// Thread-safe. Every failure keeps its errno: EPERM and ENOSYS (kNoPermission) mean a container's
// filter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"

namespace memtiers {

// Prefers `node` for pages of the range not yet touched. An explicit policy also keeps automatic
// NUMA balancing off the range. Preferring instead of binding: a full node then spills to another
// one, which a query can see, where a strict binding would call the OOM killer. EINVAL: the node is
// not there.
Status PreferNode(std::byte* address, size_t bytes, int node);

// How the kernel deals pages out by address: one to each node in turn, or to each node as many in a
// row as its weight says (Linux 6.9), which are the machine's and only root can set.
enum class InterleaveMode { kEqual, kWeighted };

// Deals pages of the range not yet touched out to the nodes. kInvalid: a node is not there, or the
// kernel does not know the mode. Full nodes spill to others.
Status InterleaveNodes(std::byte* address, size_t bytes, std::span<const int> nodes,
                       InterleaveMode mode);

// The kernel's weights of these nodes, each 1 to 255. kUnavailable: it has none (before Linux 6.9).
Result<std::vector<uint64_t>> KernelInterleaveWeights(std::span<const int> nodes);

// Node of each page in `status`, or a negative errno: -ENOENT never touched, -EFAULT no page to ask
// about. Both spans have the same length.
Status QueryPages(std::span<std::byte* const> pages, std::span<int> status);

// Moves pages to `node`. Entries of `status` the kernel did not get to keep their value: fill them
// with a sentinel before and read every one after; success of the call says nothing about single
// pages.
Status MovePages(std::span<std::byte* const> pages, int node, std::span<int> status);

}  // namespace memtiers
