// Two hosts on one device whose clocks are set, stand still or jump while their members live.
//
// Whoever lives must not be suspect to the other nor be taken over from; whoever is taken over from
// must know it before it happens.
#pragma once

#include <cstdint>
#include <string>

namespace memtiers {

struct ClockReport {
  uint64_t wall_steps = 0;  // of both hosts' wall clocks, by up to ten years
  uint64_t suspends = 0;    // of the host that looks, and of the one that is looked at
  uint64_t stops = 0;       // of a host whose clock stood still with it
  uint64_t takeovers = 0;
  uint64_t far_apart = 0;  // hosts that were started a month apart; 0: not permitted here
  // All of these are to be 0.
  uint64_t wrong = 0;
  std::string first_problem;
};

ClockReport StepAllClocks(uint64_t rounds, uint64_t seed);
// Whether a clock that a person sets would be noticed, were it the one that leases go by.
bool SettingTheLeaseClockShows();

}  // namespace memtiers
