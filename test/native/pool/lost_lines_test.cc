#include "lost_lines.h"

#include <doctest/doctest.h>

namespace memtiers {

// The thread sanitizer makes hundreds of instructions of one, and there is one thread.
#ifndef __SANITIZE_THREAD__

namespace {

// The address sanitizer makes ten.
#ifdef __SANITIZE_ADDRESS__
constexpr LostLinesPlan kPlan{.changes = 3, .passes = 2, .subsets = 4, .readers = 30};
#else
constexpr LostLinesPlan kPlan{.changes = 10, .passes = 5, .subsets = 192, .takeover_every = 100};
#endif

}  // namespace

TEST_CASE(
    "whatever of a host's stores has reached the device, others read whole values that the key had "
    "and can take it over") {
  const LostLinesReport report = LoseLines(kPlan);
  INFO("first problem: ", report.first_problem);
  CHECK(report.violations == 0);
  CHECK(report.write_backs > 10);
  CHECK(report.images > 100);
  CHECK(report.takeovers > 10);
  CHECK(report.reads > 100);
  CHECK(report.renewals > 10);
  MESSAGE(report.images, " images, ", report.takeovers, " taken over, ", report.reads,
          " reads of a device that changes");
}

// It shows that the one above can fail; once, without sanitizers, is enough.
#ifndef __SANITIZE_ADDRESS__

TEST_CASE("stores that are never written back, and lines never dropped, would be noticed") {
  LostLinesPlan plan{.changes = 6, .passes = 1, .subsets = 4};
  SUBCASE("write-backs") { plan.write_backs = false; }
  SUBCASE("refreshes") { plan.refreshes = false; }
  const LostLinesReport report = LoseLines(plan);
  CHECK(report.violations > 0);
}

#endif

#endif

}  // namespace memtiers
