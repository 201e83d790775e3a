#include "measure/latency_probe.h"

#include <chrono>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "measure/runs.h"
#include "sys/cache_eviction.h"

namespace memtiers {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kLines = 64;
constexpr size_t kLineBytes = 64;
// One line in each stretch of four pages: prefetchers do not look beyond a page.
constexpr size_t kSpacing = LatencyProbe::kBytes / kLines;
constexpr size_t kPageBytes = 4096;
// Between two looks at the clock, which cost about 25 ns.
constexpr size_t kGroup = 16;

size_t NextOf(const std::byte* line) {
  size_t next = 0;
  std::memcpy(&next, line, sizeof next);
  return next;
}

// A shuffle by multiplication: 37 is odd, so i * 37 + 11 visits all of 64, in no order a prefetcher
// knows.
size_t LineAt(size_t i) {
  const size_t stretch = (i * 37 + 11) % kLines;
  // Another line of the page each time, or all would share a few sets of the caches.
  return stretch * kSpacing + (stretch * 29 % (kPageBytes / kLineBytes)) * kLineBytes;
}

}  // namespace

Result<LatencyProbe> LatencyProbe::Create(std::byte* memory) {
  if (reinterpret_cast<uintptr_t>(memory) % kPageBytes != 0) {
    return Status(Code::kInvalid, "memory to probe is not aligned to a page");
  }
  if (!EvictFromCaches(memory, 1)) {
    return Status(Code::kUnavailable, "no instruction empties the caches here");
  }
  std::memset(memory, 0, kBytes);
  for (size_t i = 0; i < kLines; ++i) {
    const size_t next = LineAt(i + 1);
    std::memcpy(memory + LineAt(i), &next, sizeof next);
  }
  LatencyProbe probe(memory);
  probe.offset_ = LineAt(0);
  return probe;
}

double LatencyProbe::MeasureNs() {
  // Flushing a line translates its address, too: the TLB is warm and only memory is waited for.
  for (size_t i = 0; i < kLines; ++i) EvictFromCaches(memory_ + LineAt(i), kLineBytes);
  std::vector<double> groups;
  groups.reserve(kLines / kGroup);
  for (size_t group = 0; group < kLines / kGroup; ++group) {
    const Clock::time_point start = Clock::now();
    for (size_t i = 0; i < kGroup; ++i) {
      offset_ = NextOf(memory_ + offset_);
      asm volatile("" : "+r"(offset_));  // each read waits for the one before
    }
    const std::chrono::duration<double, std::nano> elapsed = Clock::now() - start;
    groups.push_back(elapsed.count() / kGroup);
  }
  return SpreadOf(std::move(groups)).median;
}

}  // namespace memtiers
