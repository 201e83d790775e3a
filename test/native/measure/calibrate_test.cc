#include "measure/calibrate.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace memtiers {

using std::chrono::milliseconds;

namespace {

struct alignas(64) Line {
  std::byte bytes[64];
};

}  // namespace

TEST_CASE("calibration covers the memory it is given and stays inside it") {
  const size_t lines = kMiB / 64;
  std::vector<Line> memory(lines + 2, Line{});
  const Result<Calibration> result = Calibrate(&memory[1], lines * 64, milliseconds(400));
  REQUIRE(result.ok());
  const Calibration& figures = result.value();
  CHECK(figures.working_set_bytes == lines * 64);
  // Bounds that hold for any memory: no load takes less than a tenth of a nanosecond, none a
  // second.
  CHECK(figures.read_latency_ns > 0.1);
  CHECK(figures.read_latency_ns < 1e9);
  CHECK(figures.read_latency_iqr_ns >= 0);
  CHECK(figures.read_bytes_per_second > 1e3);
  CHECK(figures.write_bytes_per_second > 1e3);
  const auto untouched = [](const Line& line) {
    for (const std::byte each : line.bytes) {
      if (each != std::byte{0}) return false;
    }
    return true;
  };
  CHECK(untouched(memory.front()));
  CHECK(untouched(memory.back()));
  // Every line was written at the end: nothing was measured over less than it says.
  for (size_t i = 1; i <= lines; ++i) {
    if (memory[i].bytes[0] != std::byte{0x5a}) FAIL("line ", i, " was never written");
  }
}

TEST_CASE("calibration that runs out of time measures a smaller working set and says so") {
  const size_t lines = 64 * kMiB / 64;
  std::vector<Line> memory(lines);
  const Result<Calibration> result =
      Calibrate(memory.data(), lines * 64, std::chrono::microseconds(50));
  REQUIRE(result.ok());
  CHECK(result.value().working_set_bytes >= 64 * kKiB);
  CHECK(result.value().working_set_bytes < lines * 64);
}

TEST_CASE("calibration refuses what it cannot measure") {
  std::vector<Line> memory(kMiB / 64);
  std::byte* start = memory[0].bytes;
  CHECK(Calibrate(start + 8, 512 * kKiB, milliseconds(1)).status().code() == Code::kInvalid);
  CHECK(Calibrate(start, 32 * kKiB, milliseconds(1)).status().code() == Code::kInvalid);
  CHECK(Calibrate(start, kMiB, milliseconds(0)).status().code() == Code::kInvalid);
}

}  // namespace memtiers
