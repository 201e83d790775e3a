// Finds chunks whose pages are not where their backend has them: when a node's memory is taken
// offline the kernel moves them away, whatever they are bound to, and never moves them back.
//
// Called by the heap's owner. One system call for up to 1024 chunks, about 0.1 ms.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "memory/heap.h"

namespace memtiers {

struct Strays {
  std::vector<uint32_t> chunks;
  // Where to go on; nothing when every chunk was looked at.
  std::optional<uint32_t> next;
};

// Looks at chunks of a backend from number `from` on, by the first page of each. A backend that has
// no node of its own has no strays.
Result<Strays> FindStrays(const Heap& heap, uint32_t backend, uint32_t from);

}  // namespace memtiers
