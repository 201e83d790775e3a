#include "kill_torture.h"

#include <doctest/doctest.h>

namespace memtiers {

TEST_CASE("processes killed at any moment leave whole values, and no memory that nobody has") {
  const TortureReport report = TorturePool({.kills = 300});
  INFO("first problem: ", report.first_problem);
  CHECK(report.problems() == 0);
  CHECK(report.kills >= 300);
  CHECK(report.walks >= 6);
  CHECK(report.stored > 100);
  CHECK(report.deleted > 10);
  CHECK(report.read > 100);
}

}  // namespace memtiers
