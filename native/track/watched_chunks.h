// Chunks by their address, as the kernel sees them: what lies side by side, and whose an address
// is.
//
// A value; const calls may come from several threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "track/hotness_source.h"

namespace memtiers {

class WatchedChunks {
 public:
  WatchedChunks() = default;
  // In any order; an address that comes twice counts once.
  explicit WatchedChunks(std::vector<WatchedChunk> chunks);

  size_t size() const { return chunks_.size(); }
  bool empty() const { return chunks_.empty(); }
  const WatchedChunk& operator[](size_t index) const { return chunks_[index]; }

  // Index of the chunk an address lies in.
  std::optional<size_t> Find(uintptr_t address) const;
  // Index of the same chunk at the same address.
  std::optional<size_t> Find(const WatchedChunk& chunk) const;
  // Index of the first chunk that ends above an address; size() when none does.
  size_t FirstAbove(uintptr_t address) const;

  // Chunks without a gap between them.
  struct Stretch {
    size_t begin = 0;  // indices
    size_t end = 0;
  };
  std::vector<Stretch> Stretches() const;

 private:
  std::vector<WatchedChunk> chunks_;  // by address
};

}  // namespace memtiers
