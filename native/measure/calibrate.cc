#include "measure/calibrate.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <system_error>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "measure/runs.h"

namespace memtiers {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

constexpr int kRuns = 5;
constexpr size_t kLineBytes = 64;
constexpr size_t kLeastBytes = 64 * kKiB;
// Between two looks at the clock, so that the look (about 25 ns) does not count.
constexpr size_t kLoadsPerLook = 1024;
constexpr size_t kBlockBytes = 64 * kKiB;

struct alignas(kLineBytes) Line {
  uint64_t next;
  uint64_t filler[7];
};
static_assert(sizeof(Line) == kLineBytes);

// Keeps the compiler from dropping what produced `value`.
void Consume(uint64_t value) { asm volatile("" : : "r"(value) : "memory"); }

// xorshift64*, Vigna 2016; any non-zero seed.
class Random {
 public:
  uint64_t Below(uint64_t bound) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    // The high half times the bound: no division, and a bias far below what matters here.
    const uint64_t high = (state_ * 0x2545f4914f6cdd1dULL) >> 32;
    return high * bound >> 32;
  }

 private:
  uint64_t state_ = 0x9e3779b97f4a7c15ULL;
};

// Links lines into one cycle in uniformly random order. Growing the cycle line by line (instead of
// shuffling all of them) lets slow memory stop early with a smaller, valid cycle. Returns its
// length.
size_t BuildCycle(Line* lines, size_t count, Clock::time_point deadline) {
  Random random;
  lines[0].next = 0;
  for (size_t i = 1; i < count; ++i) {
    const uint64_t before = random.Below(i);
    lines[i].next = lines[before].next;
    lines[before].next = i;
    if (i % kLoadsPerLook == 0 && i * kLineBytes >= kLeastBytes && Clock::now() >= deadline) {
      return i + 1;
    }
  }
  return count;
}

// Each load's address comes from the one before, so they cannot overlap. Goes on from `position`.
double ChaseNs(const Line* lines, uint64_t& position, nanoseconds slice) {
  const Clock::time_point start = Clock::now();
  size_t loads = 0;
  nanoseconds elapsed{};
  do {
    for (size_t i = 0; i < kLoadsPerLook; ++i) position = lines[position].next;
    Consume(position);
    loads += kLoadsPerLook;
    elapsed = Clock::now() - start;
  } while (elapsed < slice);
  return static_cast<double>(elapsed.count()) / static_cast<double>(loads);
}

// Two words at once on every CPU we run on, whatever the compiler makes of a plain loop.
using Pair = uint64_t __attribute__((vector_size(16), may_alias));

void ReadBlock(const std::byte* block, size_t bytes) {
  const auto* pairs = reinterpret_cast<const Pair*>(block);
  Pair sum[4] = {};
  for (size_t i = 0; i < bytes / sizeof(Pair); i += 4) {
    for (size_t lane = 0; lane < 4; ++lane) sum[lane] += pairs[i + lane];
  }
  for (const Pair& each : sum) Consume(each[0] + each[1]);
}

void WriteBlock(std::byte* block, size_t bytes) {
#if defined(__SSE2__)
  // Past the caches: an ordinary store first reads the line, and would count half the traffic.
  const __m128i value = _mm_set1_epi32(0x5a5a5a5a);
  for (size_t i = 0; i < bytes; i += sizeof(__m128i)) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(block + i), value);
  }
  _mm_sfence();
#else
  auto* words = reinterpret_cast<uint64_t*>(block);
  for (size_t i = 0; i < bytes / sizeof(uint64_t); ++i) words[i] = 0x5a5a5a5a5a5a5a5aULL;
  asm volatile("" : : "r"(words) : "memory");
#endif
}

// One thread's share of a streaming run: goes round its part until the slice is over.
template <typename Block>
void Stream(std::byte* part, size_t bytes, Clock::time_point end, Block block,
            std::atomic<uint64_t>& total) {
  uint64_t done = 0;
  size_t offset = 0;
  do {
    const size_t step = std::min(kBlockBytes, bytes - offset);
    block(part + offset, step);
    done += step;
    offset = offset + step == bytes ? 0 : offset + step;
  } while (Clock::now() < end);
  total.fetch_add(done, std::memory_order_relaxed);
}

template <typename Block>
double BytesPerSecond(std::byte* memory, size_t bytes, nanoseconds slice, Block block) {
  const size_t half = AlignUp(bytes / 2, kLineBytes);
  std::atomic<uint64_t> total = 0;
  const Clock::time_point start = Clock::now();
  std::thread other;
  try {
    if (std::thread::hardware_concurrency() > 1) {
      other = std::thread(
          [&, end = start + slice] { Stream(memory + half, bytes - half, end, block, total); });
    }
  } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch)
    // No thread to be had (RLIMIT_NPROC): one stream, over all of it, still measures.
  }
  Stream(memory, other.joinable() ? half : bytes, start + slice, block, total);
  if (other.joinable()) other.join();
  const std::chrono::duration<double> elapsed = Clock::now() - start;
  return static_cast<double>(total.load()) / elapsed.count();
}

template <typename Block>
double MedianBandwidth(std::byte* memory, size_t bytes, nanoseconds slice, Block block) {
  std::vector<double> runs;
  runs.reserve(kRuns);
  for (int run = 0; run < kRuns; ++run) {
    runs.push_back(BytesPerSecond(memory, bytes, slice, block));
  }
  return SpreadOf(std::move(runs)).median;
}

}  // namespace

Result<Calibration> Calibrate(void* memory, size_t bytes, nanoseconds duration) {
  if (!IsAligned(reinterpret_cast<uintptr_t>(memory), kLineBytes)) {
    return Status(Code::kInvalid, "memory to calibrate is not aligned to 64 bytes");
  }
  if (bytes < kLeastBytes) return Status(Code::kInvalid, "calibration needs at least 64 KiB");
  if (duration <= nanoseconds::zero()) {
    return Status(Code::kInvalid, "calibration needs a positive duration");
  }
  // 40 % to touch the memory, 20 % for each of the three figures.
  const nanoseconds slice = std::max(duration / (5 * kRuns), nanoseconds(1));
  auto* lines = static_cast<Line*>(memory);
  const size_t count = BuildCycle(lines, bytes / kLineBytes, Clock::now() + duration * 2 / 5);

  Calibration calibration;
  calibration.working_set_bytes = count * kLineBytes;
  uint64_t position = 0;
  std::vector<double> latencies;
  latencies.reserve(kRuns);
  for (int run = 0; run < kRuns; ++run) latencies.push_back(ChaseNs(lines, position, slice));
  const Spread latency = SpreadOf(std::move(latencies));
  calibration.read_latency_ns = latency.median;
  calibration.read_latency_iqr_ns = latency.iqr;

  auto* start = static_cast<std::byte*>(memory);
  const size_t touched = calibration.working_set_bytes;
  calibration.read_bytes_per_second = MedianBandwidth(start, touched, slice, ReadBlock);
  calibration.write_bytes_per_second = MedianBandwidth(start, touched, slice, WriteBlock);
  return calibration;
}

}  // namespace memtiers
