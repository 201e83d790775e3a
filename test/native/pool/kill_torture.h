// Processes that change a pool at random and are killed at random, and a walk over what they leave.
//
// Every value tells whose it is and what it must look like, whatever sums the pool has. What a
// process was told to be done is written down outside the pool, and must still be so after its
// death.
#pragma once

#include <cstdint>
#include <string>

#include "torture_ledger.h"

namespace memtiers {

struct TorturePlan {
  std::string directory = "/dev/shm";  // or a devdax device
  uint32_t processes = 4;
  uint64_t kills = 300;
  uint64_t kills_between_walks = 50;
  uint64_t seed = 1;
  uint64_t longest_life_us = 3000;
  // What each process does at every CrashPoint, in builds that have them.
  void (*delay)() = nullptr;
  bool software = false;
};

struct TortureReport : TortureCounts {
  uint64_t walks = 0;
  uint64_t given_back = 0;      // extents that were a worker's own for a while
  uint64_t leaked_extents = 0;  // to be 0

  uint64_t problems() const { return bad_reads + lost + errors + damages + leaked_extents + hangs; }
};

// Ends early at the first walk that finds a problem.
TortureReport TorturePool(const TorturePlan& plan);

}  // namespace memtiers
