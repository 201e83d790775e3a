// What a host stores in a pool with software coherence, cache line by cache line, and which lines
// it writes back when.
//
// Recorded by stepping a process, so that no store is missed and their order is the real one;
// replayed as often as one likes (line_replay.h). What was stored before the recording began has
// been written back.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pool/pool.h"

namespace memtiers {

using LineBytes = std::array<std::byte, kPoolLineBytes>;

struct LineEvent {
  enum class Kind : uint8_t { kStored, kWrittenBack, kBegun, kDone };

  Kind kind = Kind::kStored;
  uint64_t at = 0;       // the line, or the first one; kBegun, kDone: what the process said
  uint64_t count = 0;    // kWrittenBack: lines; kDone: the version, as the process said
  LineBytes bytes = {};  // kStored: what the line has now
};

struct LineTrace {
  std::vector<std::byte> start;
  std::vector<LineEvent> events;
  std::string problem;  // empty: the process did what it was to do
};

// What is stepped says so.
void SayBegun(uint64_t change);
void SayDone(uint64_t change, uint64_t version);

// Steps `work` in a child, which may end itself with another status than 0 where it fails.
// `prepare` is run there before it and not recorded. REQUIRES: nobody else changes the pool.
LineTrace RecordLines(const PoolFile& file, const std::function<void()>& prepare,
                      const std::function<void()>& work);

}  // namespace memtiers
