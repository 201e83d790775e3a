#include "measure/runs.h"

#include <doctest/doctest.h>

namespace memtiers {

TEST_CASE("the median and quartiles of runs do not depend on their order") {
  const Spread spread = SpreadOf({5, 1, 4, 2, 3});
  CHECK(spread.median == 3);
  CHECK(spread.iqr == 2);
}

TEST_CASE("quartiles between two runs are interpolated") {
  const Spread spread = SpreadOf({1, 2, 3, 4});
  CHECK(spread.median == doctest::Approx(2.5));
  CHECK(spread.iqr == doctest::Approx(1.5));
}

TEST_CASE("one run has no spread") {
  CHECK(SpreadOf({7}).median == 7);
  CHECK(SpreadOf({7}).iqr == 0);
}

TEST_CASE("an outlier moves neither median nor quartiles") {
  const Spread spread = SpreadOf({3, 3, 3, 3, 1e9});
  CHECK(spread.median == 3);
  CHECK(spread.iqr == 0);
}

}  // namespace memtiers
