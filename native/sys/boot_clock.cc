#include "sys/boot_clock.h"

#include <ctime>

namespace memtiers {

std::chrono::nanoseconds TimeSinceBoot() {
  timespec now{};
  (void)clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace memtiers
