#include "flip_fuzz.h"

#include <doctest/doctest.h>

namespace memtiers {

TEST_CASE("random bytes in a pool are found, never read as good, and repaired") {
  const FlipReport report = FuzzPool(400, 11);
  INFO("first problem: ", report.first_problem);
  CHECK(report.misreads == 0);
  CHECK(report.unrepaired == 0);
  CHECK(report.images == 400);
  CHECK(report.found > 200);
  CHECK(report.repaired > 300);
}

}  // namespace memtiers
