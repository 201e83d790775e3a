// Placement of memory on NUMA nodes, through libnuma's thin system call wrappers: they report
// errno, where its convenience functions print to stderr and hand back unplaced memory
// (libnuma 2.0.16).
//
// Thread-safe. Every failure keeps its errno: EPERM and ENOSYS (kNoPermission) mean a container's
// filter.
#pragma once

#include <cstddef>
#include <span>

#include "base/status.h"

namespace memtiers {

// Prefers `node` for pages of the range not yet touched. An explicit policy also keeps automatic
// NUMA balancing off the range. Preferring instead of binding: a full node then spills to another
// one, which a query can see, where a strict binding would call the OOM killer. EINVAL: the node is
// not there.
Status PreferNode(std::byte* address, size_t bytes, int node);

// Node of each page in `status`, or a negative errno: -ENOENT never touched, -EFAULT no page to ask
// about. Both spans have the same length.
Status QueryPages(std::span<std::byte* const> pages, std::span<int> status);

// Moves pages to `node`. Entries of `status` the kernel did not get to keep their value: fill them
// with a sentinel before and read every one after; success of the call says nothing about single
// pages.
Status MovePages(std::span<std::byte* const> pages, int node, std::span<int> status);

}  // namespace memtiers
