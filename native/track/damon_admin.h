// DAMON's control files (/sys/kernel/mm/damon/admin, Linux 5.18,
// Documentation/admin-guide/mm/damon/ usage.rst), set up to watch this process.
//
// There is one configuration for the whole machine. It is taken only while nobody uses it, and a
// lock on its directory keeps processes with this code apart. Given back in the destructor; a
// process that dies leaves a stopped kdamond with a dead target behind, because the kernel stops
// one whose target is gone, and the next Claim of any process takes that over.
//
// One thread at a time. Each call costs some writes of sysfs; Regions waits for the kdamond
// besides.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "sys/unique_fd.h"

namespace memtiers {

struct DamonRange {
  uint64_t start = 0;
  uint64_t end = 0;
};

struct DamonRegion {
  DamonRange range;
  uint32_t accesses = 0;  // samples that found the page accessed, of samples_per_window
};

struct DamonPace {
  std::chrono::microseconds sample{5000};
  uint32_t samples_per_window = 20;
};

class DamonAdmin {
 public:
  // `root` is put in front of /sys and /proc ("" for the running system). kUnavailable: no DAMON,
  // or not for virtual addresses. kNoPermission. kBusy: somebody uses it.
  static Result<std::unique_ptr<DamonAdmin>> Claim(std::string root);
  DamonAdmin(const DamonAdmin&) = delete;
  DamonAdmin& operator=(const DamonAdmin&) = delete;
  ~DamonAdmin();

  // Watches these ranges of this process, instead of others if there were.
  // REQUIRES: not empty, in order, no two overlap.
  Status Watch(std::span<const DamonRange> ranges, const DamonPace& pace);

  // Regions with accesses in the last window. Waits for the kdamond: up to a window, or two. After
  // a failure nothing is watched.
  Result<std::vector<DamonRegion>> Regions();

  void Stop();
  bool running() const { return running_; }

  // CPU time of the kdamond since it was started, to the tick.
  std::chrono::nanoseconds CpuTime() const;

 private:
  // A file below the interface's directory, and what to write to it.
  using Setting = std::pair<std::string, std::string>;

  explicit DamonAdmin(std::string root);

  Status TakeOverLeftovers() const;
  Status SetUp() const;
  Result<std::vector<DamonRegion>> ReadRegions() const;
  Status SetRanges(std::span<const DamonRange> ranges) const;

  Status Write(const std::string& file, const std::string& text) const;
  Status WriteAll(std::initializer_list<Setting> settings) const;
  Result<uint64_t> ReadNumber(const std::string& file) const;
  Result<std::string> ReadWord(const std::string& file) const;

  std::string root_;
  std::string admin_;
  UniqueFd lock_;
  bool running_ = false;
  bool claimed_ = false;
};

}  // namespace memtiers
