// Clocks of this process that a test sets, as a person sets the wall clock and as a suspended host
// finds all of them later.
//
// The program's clock_gettime stands before the C library's, so it is what everybody in the process
// calls, the C++ library too; what the kernel waits for goes by its own clocks. Any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace memtiers {

struct ClockSteps {
  std::atomic<int64_t> wall_ns{0};  // CLOCK_REALTIME
  std::atomic<int64_t> boot_ns{0};  // CLOCK_BOOTTIME
};

// From now on this process's clocks, and those of its children, are so much later; nullptr: no
// more. `steps` may be changed meanwhile, by another process too where it is shared memory.
void StepClocks(const ClockSteps* steps);

}  // namespace memtiers
