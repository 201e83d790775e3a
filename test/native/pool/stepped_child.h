// A process that is stepped instruction by instruction, for what others see at each of its stores.
//
// For one thread. A step costs some microseconds, and what is done behind each.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

namespace memtiers {

class SteppedChild {
 public:
  // Runs `work` in a new process, which then ends with 0.
  explicit SteppedChild(const std::function<void()>& work);
  // Kills it, if it still is there.
  ~SteppedChild();
  SteppedChild(const SteppedChild&) = delete;
  SteppedChild& operator=(const SteppedChild&) = delete;

  // Called in the child: waits until its parent goes on.
  static void Pause();

  // False: it ended before it paused.
  bool AwaitPause();
  // From the pause it is in to the next one.
  bool AwaitNextPause();
  // From the pause it is in, one instruction at a time, to its end. What went wrong; empty:
  // nothing.
  std::string StepToEnd(const std::function<void()>& after_each);

 private:
  pid_t child_ = -1;
};

}  // namespace memtiers
