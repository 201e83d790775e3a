// Empties memory out of the CPU's caches, so that the next read of it comes from where it lies.
//
// Any thread. Costs a few nanoseconds a line, and a write to memory for each dirty one.
#pragma once

#include <cstddef>

namespace memtiers {

// Returns when no cache of any core holds a line of the range, unless somebody reads it again.
// False: this architecture has no instruction for it here.
bool EvictFromCaches(const std::byte* address, size_t bytes);

}  // namespace memtiers
