// A member of a set dies at each step of a change, and then one of the devices is lost, or none.
#pragma once

#include <cstdint>
#include <string>

namespace memtiers {

struct SetStatesReport {
  uint64_t deaths = 0;
  uint64_t images = 0;  // a death, and a device lost with it or not
  uint64_t values = 0;  // acknowledged ones that were looked for
  uint64_t lost = 0;
  uint64_t violations = 0;  // with these
  std::string first_problem;
};

// REQUIRES: a build with crash points.
// `print`: a line a change.
SetStatesReport EnumerateSetDeaths(bool print = true);

}  // namespace memtiers
