// Lets the owner of a chunk end a move of it early, and know that it has ended.
//
// Thread-safe. Shared by the owner's thread and the one that moves.
#pragma once

#include <condition_variable>
#include <mutex>

namespace memtiers {

class MoveControl {
 public:
  // The mover begins; false: it was cancelled before, and must not touch anything.
  bool Start() {
    const std::lock_guard lock(mutex_);
    if (cancelled_) return false;
    running_ = true;
    return true;
  }

  // The mover has ended, whatever came of it.
  void End() {
    const std::lock_guard lock(mutex_);
    running_ = false;
    ended_.notify_all();
  }

  // Asks the mover to stop at the next point where it can.
  void Cancel() {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
  }

  bool cancelled() const {
    const std::lock_guard lock(mutex_);
    return cancelled_;
  }

  // Waits while the mover runs.
  void Wait() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return !running_; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  bool cancelled_ = false;
  bool running_ = false;
};

}  // namespace memtiers
