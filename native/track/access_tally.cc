#include "track/access_tally.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace memtiers {

void AccessTally::Add(const AccessSample& sample) {
  ++taken_;
  const std::optional<size_t> index = chunks_.Find(sample.address);
  if (!index.has_value()) return;
  ++(sample.store ? counts_[*index].writes : counts_[*index].reads);
}

std::vector<ChunkAccesses> AccessTally::Found() const {
  std::vector<ChunkAccesses> found;
  if (taken_ == 0) return found;
  const double scale = static_cast<double>(taken_ + lost_) / static_cast<double>(taken_);
  const auto scaled = [scale](uint32_t count) {
    constexpr double kMost = std::numeric_limits<uint32_t>::max();
    return static_cast<uint32_t>(std::min(std::round(count * scale), kMost));
  };
  for (size_t i = 0; i < counts_.size(); ++i) {
    const auto [reads, writes] = counts_[i];
    if (reads == 0 && writes == 0) continue;
    found.push_back({.chunk = chunks_[i].chunk, .reads = scaled(reads), .writes = scaled(writes)});
  }
  return found;
}

}  // namespace memtiers
