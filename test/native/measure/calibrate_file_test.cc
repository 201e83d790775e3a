#include "measure/calibrate_file.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "base/bytes.h"

namespace memtiers {

using std::chrono::milliseconds;

TEST_CASE("calibrating a directory measures and leaves nothing behind") {
  const std::filesystem::path directory =
      std::filesystem::temp_directory_path() / "memory-tiers-calibrate-file-test";
  std::filesystem::create_directory(directory);
  const Result<Calibration> result = CalibrateFile(directory, 8 * kMiB, milliseconds(200));
  CHECK(std::filesystem::is_empty(directory));
  std::filesystem::remove(directory);
  if (!result.ok()) {
    // A temporary directory without direct I/O (an overlay on some kernels) is an answer too.
    CHECK(result.status().code() == Code::kUnavailable);
    WARN_MESSAGE(false, "no direct I/O in the temporary directory");
    return;
  }
  CHECK(result.value().working_set_bytes >= kMiB);
  CHECK(result.value().working_set_bytes <= 8 * kMiB);
  CHECK(result.value().read_latency_ns > 100);  // a system call alone takes that long
  CHECK(result.value().read_bytes_per_second > 1e3);
  CHECK(result.value().write_bytes_per_second > 1e3);
}

TEST_CASE("a directory that cannot be measured says why") {
  CHECK(CalibrateFile("/nowhere", kMiB, milliseconds(1)).status().code() == Code::kUnavailable);
  CHECK_FALSE(CalibrateFile("/proc", kMiB, milliseconds(1)).ok());
  CHECK(CalibrateFile("/tmp", 4096, milliseconds(1)).status().code() == Code::kInvalid);
  CHECK(CalibrateFile("/tmp", kMiB, milliseconds(0)).status().code() == Code::kInvalid);
}

}  // namespace memtiers
