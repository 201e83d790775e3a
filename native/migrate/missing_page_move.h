// Moves a chunk from a file or device to any backend behind missing pages: everybody waits while it
// is copied and the mapping is replaced.
//
// Any thread. The kernel cannot hold back writers of a mapped file alone, so an empty mapping takes
// its place for a moment; the bytes stay readable through a second mapping of the file. On failure
// the chunk is as it was.
#pragma once

#include "migrate/live_step.h"

namespace memtiers {

struct Arrival {
  Backing backing;
  // What the chunk left is its shadow, when there is a state.
  std::shared_ptr<ShadowState> shadow;
};
Result<Arrival> MoveBehindMissingPages(LiveStep& step);

}  // namespace memtiers
