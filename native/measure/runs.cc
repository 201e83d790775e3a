#include "measure/runs.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace memtiers {

Spread SpreadOf(std::vector<double> runs) {
  std::ranges::sort(runs);
  const auto quantile = [&runs](double share) {
    const double position = share * static_cast<double>(runs.size() - 1);
    const auto below = static_cast<size_t>(position);
    const size_t above = std::min(below + 1, runs.size() - 1);
    return std::lerp(runs[below], runs[above], position - static_cast<double>(below));
  };
  return {.median = quantile(0.5), .iqr = quantile(0.75) - quantile(0.25)};
}

}  // namespace memtiers
