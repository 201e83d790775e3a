// Reads the records that perf_event_open(2) puts into a ring: samples of accesses, and how many of
// them there was no room for.
//
// Pure: works on any bytes of that layout. What does not look like a record ends the reading, and
// everything up to the head is passed over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace memtiers {

struct AccessSample {
  uintptr_t address = 0;
  bool store = false;  // otherwise a load, or unknown
};

struct RingRead {
  uint64_t lost = 0;       // samples there was no room for
  uint64_t throttled = 0;  // times the kernel stopped sampling because it took too much CPU time
  bool malformed = false;  // the rest was passed over
};

// Hands out the samples between two positions, which count bytes since the ring's beginning.
// REQUIRES: the ring's size is a power of two; samples are of kSampleFields (sys/perf_event.h).
RingRead ReadSamples(std::span<const std::byte> ring, uint64_t tail, uint64_t head,
                     const std::function<void(const AccessSample&)>& take);

}  // namespace memtiers
