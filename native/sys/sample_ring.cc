#include "sys/sample_ring.h"

#include <linux/perf_event.h>

#include <algorithm>
#include <cstring>

namespace memtiers {
namespace {

// Records may wrap around the ring's end, so nothing is read in place.
template <typename T>
T CopyOut(std::span<const std::byte> ring, uint64_t position) {
  T value;
  const size_t start = position & (ring.size() - 1);
  const size_t first = std::min(sizeof(T), ring.size() - start);
  std::memcpy(&value, ring.data() + start, first);
  std::memcpy(reinterpret_cast<std::byte*>(&value) + first, ring.data(), sizeof(T) - first);
  return value;
}

// In the order of perf_event_open(2): PERF_SAMPLE_ADDR, PERF_SAMPLE_DATA_SRC.
struct SampleRecord {
  perf_event_header header;
  uint64_t address;
  uint64_t data_source;
};
struct LostRecord {
  perf_event_header header;
  uint64_t id;
  uint64_t lost;
};
struct LostSamplesRecord {
  perf_event_header header;
  uint64_t lost;
};

}  // namespace

RingRead ReadSamples(std::span<const std::byte> ring, uint64_t tail, uint64_t head,
                     const std::function<void(const AccessSample&)>& take) {
  RingRead result;
  while (tail < head) {
    const uint64_t left = head - tail;
    const auto header = left < sizeof(perf_event_header) ? perf_event_header{}
                                                         : CopyOut<perf_event_header>(ring, tail);
    if (header.size < sizeof(header) || header.size > left || left > ring.size()) {
      result.malformed = true;
      return result;
    }
    if (header.type == PERF_RECORD_SAMPLE && header.size >= sizeof(SampleRecord)) {
      const auto record = CopyOut<SampleRecord>(ring, tail);
      const uint64_t operation = record.data_source >> PERF_MEM_OP_SHIFT;
      take({.address = static_cast<uintptr_t>(record.address),
            .store = (operation & PERF_MEM_OP_STORE) != 0});
    } else if (header.type == PERF_RECORD_LOST && header.size >= sizeof(LostRecord)) {
      result.lost += CopyOut<LostRecord>(ring, tail).lost;
    } else if (header.type == PERF_RECORD_LOST_SAMPLES &&
               header.size >= sizeof(LostSamplesRecord)) {
      result.lost += CopyOut<LostSamplesRecord>(ring, tail).lost;
    } else if (header.type == PERF_RECORD_THROTTLE) {
      ++result.throttled;
    }
    tail += header.size;
  }
  return result;
}

}  // namespace memtiers
