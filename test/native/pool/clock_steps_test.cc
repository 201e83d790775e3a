#include "clock_steps.h"

#include <doctest/doctest.h>

namespace memtiers {

TEST_CASE("whatever happens to clocks, who lives keeps what he has, and who lost it knows before") {
  const ClockReport report = StepAllClocks(1, 3);
  INFO("first problem: ", report.first_problem);
  CHECK(report.wrong == 0);
  CHECK(report.wall_steps >= 8);
  CHECK(report.suspends == 2);
  CHECK(report.takeovers == 1);
  MESSAGE(report.wall_steps, " steps of wall clocks, ", report.suspends, " suspends, ",
          report.stops, " stops with the clock, reclaimed before the fence: ", report.wrong);
  if (report.far_apart == 0) MESSAGE("SKIPPED: no time namespace may be made here");
}

TEST_CASE("a clock that leases go by and that somebody sets would be noticed") {
  CHECK(SettingTheLeaseClockShows());
}

}  // namespace memtiers
