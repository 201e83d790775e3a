// Migrates the pages of one chunk to a node with move_pages; safe while other threads read and
// write them.
//
// Any thread. Blocks for the copy (about 1 ms) and at most 7 ms of retries. The kernel's call
// succeeds while single pages stay behind, so every page's status is read, and only "on the target"
// counts as moved.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace memtiers {

struct PageMoveResult {
  uint64_t pages = 0;
  uint64_t moved = 0;    // changed node
  uint64_t arrived = 0;  // on the target now: moved, or there before
  // The node has no memory left; trying more pages is pointless.
  bool out_of_memory = false;
  // There are pages whose bytes are lost, e.g. counted as EHWPOISON; they stay where they are.
  bool lost = false;
  std::map<std::string, uint64_t> reasons;

  bool complete() const { return arrived == pages; }
};

// Rebinds the range to `node`, then moves its pages there. Pages never touched are brought in.
PageMoveResult MovePagesToNode(std::byte* address, size_t bytes, int node);

}  // namespace memtiers
