#include "sys/cpu_clock.h"

#include <ctime>

namespace memtiers {

std::chrono::nanoseconds ThreadCpuTime() {
  timespec used{};
  (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

}  // namespace memtiers
