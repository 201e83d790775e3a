// Processes that are killed at random, and whether those that are left still get on.
//
// For one thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace memtiers {

class KilledChildren {
 public:
  explicit KilledChildren(uint32_t count) : children_(count) {}

  // `work` is done in a new process, which then ends. `delay`: called there at each crash point.
  void Start(uint32_t index, void (*delay)(), const std::function<void()>& work);
  // Nothing: it was killed; else with what status it had ended by itself.
  std::optional<int> Kill(uint32_t index);
  // Whether nothing was done for long. `operations`: what all of them have done so far.
  bool Hang(uint64_t operations);

 private:
  std::vector<pid_t> children_;
  uint64_t seen_operations_ = 0;
  std::chrono::steady_clock::time_point seen_at_ = std::chrono::steady_clock::now();
};

}  // namespace memtiers
