// Whether a chunk's former place still holds the same bytes. A chunk that went from a file or
// device to memory keeps its place there, its shadow, and is write-protected: as long as nobody
// writes, it can go back without a copy.
//
// Thread-safe: writers report on one thread, a mover decides on another.
#pragma once

#include <mutex>

namespace memtiers {

class ShadowState {
 public:
  enum class Answer { kWait, kLifted, kTryAgain };

  // The memory is in the chunk's place. Until then nothing may be lifted there: a write that was
  // noticed in an earlier life of the chunk can be answered as late as now, when what holds
  // everybody back while the chunk moves is at its address.
  void Begin() {
    const std::lock_guard lock(mutex_);
    begun_ = true;
  }

  // Somebody wants to write the chunk. `lift` takes the protection off and says whether it did; the
  // writer waits instead while the shadow is being put in the chunk's place.
  template <typename Lift>
  Answer OnWrite(const Lift& lift) {
    const std::lock_guard lock(mutex_);
    if (!begun_) return Answer::kTryAgain;
    if (closed_) return Answer::kWait;
    if (!lift()) return Answer::kTryAgain;
    clean_ = false;
    return Answer::kLifted;
  }

  // From here on writers wait; false, and nothing happens, when there were some already.
  bool CloseIfClean() {
    const std::lock_guard lock(mutex_);
    closed_ = clean_;
    return clean_;
  }

  void Reopen() {
    const std::lock_guard lock(mutex_);
    closed_ = false;
  }

  bool clean() const {
    const std::lock_guard lock(mutex_);
    return clean_;
  }

 private:
  mutable std::mutex mutex_;
  bool begun_ = false;
  bool clean_ = true;
  bool closed_ = false;
};

}  // namespace memtiers
