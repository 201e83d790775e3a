// What became of a request to move chunks: tried = applied + failed, and why pages stayed.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace memtiers {

struct MoveResult {
  uint32_t tried = 0;
  uint32_t applied = 0;
  uint32_t failed = 0;
  // Physically copied or migrated; 0 when only the accounting changed.
  uint64_t copied_bytes = 0;
  std::chrono::nanoseconds duration{0};
  // Accesses were held back for so long.
  std::chrono::nanoseconds pause{0};
  // Pages by errno name, e.g. {"EBUSY": 3}; chunks not tried because the node has no
  // room or no memory, as "FULL" or "UNAVAILABLE".
  std::map<std::string, uint64_t> reasons;
};

}  // namespace memtiers
