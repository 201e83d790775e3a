#include "set_torture.h"

#include <doctest/doctest.h>

#include <cstdio>

#include "base/bytes.h"

namespace memtiers {

TEST_CASE("torture: what a set has acknowledged survives its writers and one of its devices") {
  const SetTortureReport report = TortureSet({.kills = 120});
  const double gib = static_cast<double>(report.rebuilt_bytes) / static_cast<double>(kGiB);
  std::printf(
      "set torture: seed 1, kills %llu, devices lost %llu (%llu in use), operations %llu, "
      "stored %llu, deleted %llu, read %llu, rebuild %.2f s/GiB\n",
      static_cast<unsigned long long>(report.kills), static_cast<unsigned long long>(report.losses),
      static_cast<unsigned long long>(report.live_losses),
      static_cast<unsigned long long>(report.operations),
      static_cast<unsigned long long>(report.stored),
      static_cast<unsigned long long>(report.deleted), static_cast<unsigned long long>(report.read),
      report.rebuild_seconds / gib);
  CHECK_MESSAGE(report.problems() == 0, report.first_problem);
  CHECK(report.kills >= 120);
  CHECK(report.losses >= 4);
  CHECK(report.live_losses > 0);
  CHECK(report.stored > 0);
  CHECK(report.deleted > 0);
  CHECK(report.read > 0);
  CHECK(report.rebuilt_bytes > 0);
}

TEST_CASE("devices are added while processes use the set, and nothing is lost on the way") {
  const GrowthReport report = GrowSetUnderLoad(3, 4, 1);
  CHECK_MESSAGE(report.problems == 0, report.first_problem);
  CHECK(report.added == 3);
  CHECK(report.moved > 0);
  CHECK(report.operations >= 1200);
}

}  // namespace memtiers
