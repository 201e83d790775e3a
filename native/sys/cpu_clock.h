// What work costs: CPU time rather than wall time, which on a busy machine measures the others.
#pragma once

#include <chrono>

namespace memtiers {

// CPU time the calling thread has used so far, in the kernel too. A fraction of a microsecond.
std::chrono::nanoseconds ThreadCpuTime();

}  // namespace memtiers
