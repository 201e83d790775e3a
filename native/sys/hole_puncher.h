// Gives parts of files back to their file systems in the background: where the file system discards
// at once, as ext4 does with that option, a hole of 2 MiB takes 1 to 3 ms.
//
// Thread-safe. One a process. Its thread lives while there is something to do. Whoever needs the
// room that is on its way back waits with Finish.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>

namespace memtiers {

class HolePuncher {
 public:
  static HolePuncher& Get();

  // Punches a hole and calls `done` with whether it did, on another thread; on this one before it
  // returns when the process may not have another. REQUIRES: the file is open until then, or until
  // the owner is forgotten; `done` calls nothing of this.
  void Punch(const void* owner, int fd, uint64_t offset, uint64_t bytes,
             std::function<void(bool)> done);

  // Waits for everything asked for so far, whoever did. Whoever found no room before looks again
  // in any case: it may have come back in between.
  void Finish();

  // Drops what an owner asked for, and waits for the hole that is being punched if it is his. Of
  // what is dropped `done` is not called.
  void Forget(const void* owner);

 private:
  struct Hole {
    uint64_t number = 0;
    const void* owner = nullptr;
    int fd = -1;
    uint64_t offset = 0;
    uint64_t bytes = 0;
    std::function<void(bool)> done;
  };

  HolePuncher() = default;

  void Work();

  std::mutex mutex_;
  std::condition_variable punched_;
  std::deque<Hole> holes_;
  Hole current_;  // its owner is nullptr when there is none
  uint64_t asked_ = 0;
  bool working_ = false;
};

}  // namespace memtiers
