// Counts sampled accesses by chunk. Not thread-safe; lives for one collection.
#pragma once

#include <cstdint>
#include <vector>

#include "sys/sample_ring.h"
#include "track/watched_chunks.h"

namespace memtiers {

class AccessTally {
 public:
  // `chunks` has to outlive the tally.
  explicit AccessTally(const WatchedChunks& chunks) : chunks_(chunks), counts_(chunks.size()) {}

  // An access; one outside all chunks still tells what share of the samples they got.
  void Add(const AccessSample& sample);
  // Samples that were lost, wherever they were.
  void AddLost(uint64_t samples) { lost_ += samples; }

  // The chunks with accesses. The lost ones are taken to have been where the others were.
  std::vector<ChunkAccesses> Found() const;

 private:
  struct Count {
    uint32_t reads = 0;
    uint32_t writes = 0;
  };

  const WatchedChunks& chunks_;
  std::vector<Count> counts_;
  uint64_t taken_ = 0;
  uint64_t lost_ = 0;
};

}  // namespace memtiers
