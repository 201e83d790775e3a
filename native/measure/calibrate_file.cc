#include "measure/calibrate_file.h"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "base/bytes.h"
#include "measure/runs.h"
#include "sys/direct_file.h"

namespace memtiers {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

constexpr int kRuns = 5;
constexpr size_t kBlockBytes = kMiB;
constexpr size_t kPageBytes = 4096;

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
using Buffer = std::unique_ptr<void, Free>;

// Repeats `step`, which returns a Status, until the slice is over; at least once.
template <typename Step>
Result<double> SecondsPerStep(nanoseconds slice, Step step) {
  const Clock::time_point start = Clock::now();
  std::chrono::duration<double> elapsed{};
  int steps = 0;
  do {
    const Status status = step();
    if (!status.ok()) return status;
    ++steps;
    elapsed = Clock::now() - start;
  } while (elapsed < slice);
  return elapsed.count() / steps;
}

// Spread over kRuns of the time of a step.
template <typename Step>
Result<Spread> Measure(nanoseconds slice, Step step) {
  std::vector<double> runs;
  for (int run = 0; run < kRuns; ++run) {
    const Result<double> seconds = SecondsPerStep(slice, step);
    if (!seconds.ok()) return seconds.status();
    runs.push_back(seconds.value());
  }
  return SpreadOf(std::move(runs));
}

// Fills the file from its start until it has `bytes` or the deadline is over. Returns its blocks.
Result<size_t> Fill(int fd, const void* block, size_t bytes, Clock::time_point deadline) {
  size_t blocks = 0;
  do {
    const Status written = WriteDirect(fd, block, kBlockBytes, blocks * kBlockBytes);
    if (!written.ok()) return written;
    ++blocks;
  } while (blocks < bytes / kBlockBytes && Clock::now() < deadline);
  const Status flushed = FlushDirect(fd);
  if (!flushed.ok()) return flushed;
  return blocks;
}

}  // namespace

Result<Calibration> CalibrateFile(const std::string& directory, size_t bytes,
                                  nanoseconds duration) {
  if (bytes < kBlockBytes) return Status(Code::kInvalid, "calibration needs at least 1 MiB");
  if (duration <= nanoseconds::zero()) {
    return Status(Code::kInvalid, "calibration needs a positive duration");
  }
  const Result<UniqueFd> file = OpenUnnamedDirectFile(directory);
  if (!file.ok()) return file.status();
  const int fd = file.value().get();
  const Buffer buffer(std::aligned_alloc(kDirectAlignment, kBlockBytes));
  if (buffer == nullptr) return Status(Code::kFull, "1 MiB of memory for calibration");
  std::mt19937_64 random(1);  // NOLINT(cert-msc32-c,cert-msc51-cpp): nothing depends on surprise
  // Random content: drives that compress, or skip zeroes, do neither.
  auto* words = static_cast<uint64_t*>(buffer.get());
  for (size_t i = 0; i < kBlockBytes / sizeof(uint64_t); ++i) words[i] = random();

  const Result<size_t> filled = Fill(fd, buffer.get(), bytes, Clock::now() + duration * 2 / 5);
  if (!filled.ok()) return filled.status();
  const size_t blocks = filled.value();
  const nanoseconds slice = duration / (5 * kRuns);

  std::uniform_int_distribution<uint64_t> page(0, blocks * (kBlockBytes / kPageBytes) - 1);
  const Result<Spread> latency = Measure(
      slice, [&] { return ReadDirect(fd, buffer.get(), kPageBytes, page(random) * kPageBytes); });
  if (!latency.ok()) return latency.status();
  size_t next = 0;
  const auto next_offset = [&] { return uint64_t{next++ % blocks} * kBlockBytes; };
  const Result<Spread> read =
      Measure(slice, [&] { return ReadDirect(fd, buffer.get(), kBlockBytes, next_offset()); });
  if (!read.ok()) return read.status();
  const Result<Spread> write =
      Measure(slice, [&] { return WriteDirect(fd, buffer.get(), kBlockBytes, next_offset()); });
  if (!write.ok()) return write.status();

  return Calibration{.read_latency_ns = latency.value().median * 1e9,
                     .read_latency_iqr_ns = latency.value().iqr * 1e9,
                     .read_bytes_per_second = kBlockBytes / read.value().median,
                     .write_bytes_per_second = kBlockBytes / write.value().median,
                     .working_set_bytes = blocks * kBlockBytes};
}

}  // namespace memtiers
