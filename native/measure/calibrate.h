// Measures memory where it lies: latency of one dependent load in random order, and streaming
// bandwidth.
//
// Runs on the calling thread and at most one more; takes about the duration asked for. Figures are
// what this process sees, TLB misses and neighbours' load included. A working set that fits into
// the CPU's caches measures the caches.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/status.h"

namespace memtiers {

struct Calibration {
  double read_latency_ns = 0;      // median of the runs
  double read_latency_iqr_ns = 0;  // their interquartile range
  double read_bytes_per_second = 0;
  double write_bytes_per_second = 0;
  // What was measured over: less than was given when the memory is too slow to touch all of it in
  // time.
  size_t working_set_bytes = 0;
};

// Overwrites `bytes` at `memory`, which nobody else may access meanwhile.
//
// kInvalid: the memory is not aligned to 64 bytes, is less than 64 KiB, or the duration is not
// positive.
Result<Calibration> Calibrate(void* memory, size_t bytes, std::chrono::nanoseconds duration);

}  // namespace memtiers
