// Threads of ours inside somebody's process.
#pragma once

#include <functional>

#include "base/status.h"

namespace memtiers {

// Starts a detached thread that takes no signals, so that the program's handlers run where the
// program expects them, and that runs as soon as it is woken as far as the kernel lets it. For
// threads that others wait for and that work little. kFull: the process may not have another
// thread.
Status StartQuietThread(std::function<void()> run);

}  // namespace memtiers
