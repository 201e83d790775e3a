// A pool with software coherence whose writing host loses power, or is read by another host, when
// any of its stores may have reached the device and any may not.
//
// Of every moment of random changes that were recorded store by store, images of the device are
// made in which any part of what was not written back has arrived; each is read by another host and
// taken over by one. And a reader goes on while lines are thrown out of either host's caches at
// random.
#pragma once

#include <cstdint>
#include <string>

namespace memtiers {

struct LostLinesPlan {
  uint64_t seed = 1;
  uint64_t histories = 1;
  uint64_t changes = 6;         // in each
  uint64_t passes = 3;          // over each: of all but the first some lines are thrown out early
  uint64_t subsets = 8;         // of what is not written back, at each moment of a pass
  uint64_t takeover_every = 8;  // images
  uint64_t readers = 200;       // that go on meanwhile, for each history
  // Each left out must be noticed.
  bool write_backs = true;
  bool refreshes = true;
};

struct LostLinesReport {
  uint64_t puts = 0;  // that found room
  uint64_t deletions = 0;
  uint64_t stores = 0;  // that were recorded, in lines
  uint64_t write_backs = 0;
  uint64_t images = 0;  // no two the same
  uint64_t takeovers = 0;
  uint64_t reads = 0;     // by readers that go on
  uint64_t renewals = 0;  // of those, that saw another value than before
  uint64_t violations = 0;
  std::string first_problem;
};

// Ends at the first history with a violation.
LostLinesReport LoseLines(const LostLinesPlan& plan);

}  // namespace memtiers
