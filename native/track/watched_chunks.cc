#include "track/watched_chunks.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"

namespace memtiers {

WatchedChunks::WatchedChunks(std::vector<WatchedChunk> chunks) : chunks_(std::move(chunks)) {
  std::ranges::sort(chunks_, {}, &WatchedChunk::address);
  const auto twice = std::ranges::unique(chunks_, {}, &WatchedChunk::address);
  chunks_.erase(twice.begin(), twice.end());
}

size_t WatchedChunks::FirstAbove(uintptr_t address) const {
  const auto above = std::ranges::partition_point(chunks_, [address](const WatchedChunk& chunk) {
    return reinterpret_cast<uintptr_t>(chunk.address) + kChunkBytes <= address;
  });
  return static_cast<size_t>(above - chunks_.begin());
}

std::optional<size_t> WatchedChunks::Find(uintptr_t address) const {
  const size_t index = FirstAbove(address);
  if (index == size() || reinterpret_cast<uintptr_t>(chunks_[index].address) > address) {
    return std::nullopt;
  }
  return index;
}

std::optional<size_t> WatchedChunks::Find(const WatchedChunk& chunk) const {
  const std::optional<size_t> index = Find(reinterpret_cast<uintptr_t>(chunk.address));
  if (!index.has_value()) return std::nullopt;
  const auto& [number, address] = chunks_[*index];
  return number == chunk.chunk && address == chunk.address ? index : std::nullopt;
}

std::vector<WatchedChunks::Stretch> WatchedChunks::Stretches() const {
  std::vector<Stretch> stretches;
  for (size_t i = 0; i < size(); ++i) {
    const bool follows = i > 0 && chunks_[i - 1].address + kChunkBytes == chunks_[i].address;
    if (!follows) stretches.push_back({.begin = i, .end = i});
    stretches.back().end = i + 1;
  }
  return stretches;
}

}  // namespace memtiers
