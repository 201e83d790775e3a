// Pools with random bytes changed, and what becomes of those who open, read, change, check and
// repair them.
#pragma once

#include <cstdint>
#include <string>

namespace memtiers {

struct FlipReport {
  uint64_t images = 0;
  uint64_t found = 0;    // by the check
  uint64_t refused = 0;  // by open: a superblock
  uint64_t repaired = 0;
  // Both are to be 0.
  uint64_t misreads = 0;  // wrong bytes as good ones, or a value gone that the check does not miss
  uint64_t unrepaired = 0;
  std::string first_problem;
};

// One image after the other; a crash or hang is one of the caller's.
FlipReport FuzzPool(uint64_t images, uint64_t seed);

}  // namespace memtiers
