// Writes the CPU's caches back to memory, for persistent memory that the kernel does not flush.
//
// Any thread; the stores it is about happened before on this thread or are ordered before it. Costs
// about what writing the dirty lines to memory costs.
#pragma once

#include <cstddef>

namespace memtiers {

// Returns when every cache line of the range has reached the memory controller, whose power-fail
// domain persistent memory belongs to. False: this architecture has no instruction for it here.
bool WriteBackCaches(const std::byte* address, size_t bytes);

}  // namespace memtiers
