// Threads of ours inside somebody's process.
#pragma once

#include <functional>

#include "base/status.h"

namespace memtiers {

enum class ThreadPace {
  kUrgent,  // runs as soon as it is woken as far as the kernel lets it; for one that works little
  kNormal
};

// Starts a detached thread that takes no signals, so that the program's handlers run where the
// program expects them, and that may run wherever the process may, whatever the caller is bound to.
// kFull: the process may not have another thread.
Status StartQuietThread(ThreadPace pace, std::function<void()> run);

}  // namespace memtiers
