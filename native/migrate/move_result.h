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
  // Pages (or chunks, for a copy) by errno name or status, e.g. {"EBUSY": 3}.
  std::map<std::string, uint64_t> reasons;
};

}  // namespace memtiers
