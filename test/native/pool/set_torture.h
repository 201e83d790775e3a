// Processes that change a set with replicas and are killed at random, while devices are lost under
// them and others take their place.
//
// What a process was told to be done is written down outside the pool. After each round one device
// is all that is left, and everything must be on it.
#pragma once

#include <cstdint>
#include <string>

#include "torture_ledger.h"

namespace memtiers {

struct SetTorturePlan {
  uint32_t processes = 3;
  uint64_t kills = 200;
  uint64_t kills_between_losses = 20;
  uint64_t seed = 1;
  uint64_t longest_life_us = 4000;
  // What each process does at every CrashPoint, in builds that have them.
  void (*delay)() = nullptr;
};

// Of a set's damages, unequal and missing copies after a scrub are some.
struct SetTortureReport : TortureCounts {
  uint64_t losses = 0;       // of a device, each followed by a new one
  uint64_t live_losses = 0;  // of these, under processes that went on
  uint64_t rebuilt_bytes = 0;
  double rebuild_seconds = 0;

  uint64_t problems() const { return bad_reads + lost + errors + damages + hangs; }
};

// Ends early at the first problem.
SetTortureReport TortureSet(const SetTorturePlan& plan);

struct GrowthReport {
  uint64_t added = 0;
  uint64_t operations = 0;
  uint64_t moved = 0;  // copies that the scrub took to where they belong
  uint64_t problems = 0;
  std::string first_problem;
};

// Adds devices to a set of one while processes use it.
GrowthReport GrowSetUnderLoad(uint32_t processes, uint32_t devices, uint64_t seed);

}  // namespace memtiers
