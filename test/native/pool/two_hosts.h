// One device that two hosts have, each with a lock file of its own.
//
// The other host is a process that takes itself for one of another boot. For one thread.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "pool_place.h"

namespace memtiers {

// What processes of different hosts tell the test.
struct Told {
  std::atomic<int> step, wrong;
  std::atomic<int64_t> last_current_ns;  // when he last began to look and found that he may
  std::atomic<int64_t> fenced_after_ns;  // the same of the member he was before
  std::atomic<uint64_t> work;
  std::atomic<uint32_t> member;      // his index ...
  std::atomic<uint64_t> generation;  // ... and 0 while he is none
};

class TwoHosts {
 public:
  static constexpr uint64_t kElsewhere = 12345;  // the other host's boot

  TwoHosts();
  ~TwoHosts();
  TwoHosts(const TwoHosts&) = delete;
  TwoHosts& operator=(const TwoHosts&) = delete;

  PoolPlace here() const { return {.path = device_.path(), .lock_path = lock_here_.path()}; }
  Told& told() const { return *told_; }
  std::unique_ptr<Pool> JoinHere(const LeaseTerms& terms) const;

  // Runs something as a process of the other host.
  void Elsewhere(const std::function<int(const std::shared_ptr<const PoolFile>&, Told&)>& act);
  void Send(int signal) const;
  void AwaitStop() const;
  int End(int signal);

 private:
  PoolPlaceForTest device_;
  PoolPlaceForTest lock_here_;
  PoolPlaceForTest lock_elsewhere_;
  Told* told_ = nullptr;
  pid_t child_ = -1;
};

// By a clock that nobody sets.
std::chrono::nanoseconds SteadyNow();
// Whether it comes about within that time.
bool Within(std::chrono::nanoseconds time, const std::function<bool()>& holds);

}  // namespace memtiers
