// Latency of one read of memory as it is now, under whatever load there is, without performance
// counters.
//
// A few lines of a block are emptied out of the caches and read one after the other, each telling
// where the next is. One thread at a time; the memory is the caller's, outlives the probe and is
// accessed by nobody else. A measurement costs about 64 reads: 10 us for DRAM.
#pragma once

#include <cstddef>

#include "base/status.h"

namespace memtiers {

class LatencyProbe {
 public:
  static constexpr size_t kBytes = size_t{1} << 20;

  // Overwrites kBytes at `memory` with the order of the reads.
  //
  // kInvalid: the memory is not aligned to a page. kUnavailable: this architecture cannot empty its
  // caches.
  static Result<LatencyProbe> Create(std::byte* memory);

  // Nanoseconds of one read, the median of a few groups of reads: an interrupt spoils one of them.
  double MeasureNs();

 private:
  explicit LatencyProbe(std::byte* memory) : memory_(memory) {}

  std::byte* memory_;
  size_t offset_ = 0;  // of the line that is read next
};

}  // namespace memtiers
