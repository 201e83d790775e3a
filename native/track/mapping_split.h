// Gives watched chunks mappings of their own, where the kernel counts per mapping. Neighbours are
// marked in turn, so that it does not merge them.
//
// Not thread-safe. Costs a system call and a mapping a chunk. When that would exceed this process'
// share of mappings, 2, 4, 8... chunks share one: what is found is coarser, and no error.
#pragma once

#include <cstddef>
#include <vector>

#include "track/mapping_charge.h"
#include "track/watched_chunks.h"

namespace memtiers {

class MappingSplit {
 public:
  MappingSplit() = default;
  MappingSplit(const MappingSplit&) = delete;
  MappingSplit& operator=(const MappingSplit&) = delete;
  ~MappingSplit() { Clear(); }

  // Splits what is watched now. What `chunks` no longer has is merged again.
  void Apply(const WatchedChunks& chunks);
  // Marks the group of a chunk again, after its mapping was replaced.
  void Renew(size_t index);
  // Merges everything.
  void Clear();

  // Chunks to a mapping, at the most; 0: there was no room for any split.
  size_t group_chunks() const { return group_chunks_; }

 private:
  struct Group {
    size_t begin = 0;  // indices
    size_t end = 0;
    bool odd = false;
  };
  std::vector<Group> GroupsOf(size_t group_chunks) const;
  void Mark(const Group& group);

  WatchedChunks chunks_;
  std::vector<size_t> group_of_;  // by index of a chunk
  std::vector<Group> groups_;
  size_t group_chunks_ = 0;
  MappingCharge charge_;
};

}  // namespace memtiers
