// The threads of this process as the kernel lists them.
//
// Thread-safe; one directory or file of /proc is read per call.
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.h"

namespace memtiers {

// Numbers of the threads there are, ascending.
Result<std::vector<int>> ThreadIds();

// When a thread of this process was started, in clock ticks since boot: a number that comes again
// belongs to another thread. kUnavailable: there is no such thread in this process.
Result<uint64_t> ThreadStart(int thread);

}  // namespace memtiers
