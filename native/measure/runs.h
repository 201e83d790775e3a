// Middle and spread of repeated measurements.
#pragma once

#include <vector>

namespace memtiers {

struct Spread {
  double median = 0;
  double iqr = 0;  // third quartile minus first
};

// Quartiles by linear interpolation. REQUIRES: `runs` is not empty.
Spread SpreadOf(std::vector<double> runs);

}  // namespace memtiers
