#include "track/mapping_split.h"

#include <algorithm>
#include <vector>

#include "base/bytes.h"
#include "sys/accessed_bits.h"

namespace memtiers {

std::vector<MappingSplit::Group> MappingSplit::GroupsOf(size_t group_chunks) const {
  std::vector<Group> groups;
  for (const auto& [begin, end] : chunks_.Stretches()) {
    bool odd = true;  // the mark that stands out from what is not watched comes first
    for (size_t i = begin; i < end; i += group_chunks, odd = !odd) {
      groups.push_back({.begin = i, .end = std::min(i + group_chunks, end), .odd = odd});
    }
  }
  return groups;
}

void MappingSplit::Apply(const WatchedChunks& chunks) {
  for (size_t i = 0; i < chunks_.size(); ++i) {
    if (chunks.Find(chunks_[i]).has_value()) continue;
    (void)MarkMapping(chunks_[i].address, kChunkBytes, MappingMark::kNone);
  }
  chunks_ = chunks;
  groups_.clear();
  group_of_.assign(chunks_.size(), 0);
  const size_t stretches = chunks_.Stretches().size();
  group_chunks_ = 0;
  for (size_t size = 1; size < 2 * std::max<size_t>(chunks_.size(), 1); size *= 2) {
    std::vector<Group> groups = GroupsOf(size);
    if (!charge_.Set(groups.size() + stretches)) continue;
    groups_ = std::move(groups);
    group_chunks_ = size;
    break;
  }
  if (group_chunks_ == 0) (void)charge_.Set(0);
  for (size_t group = 0; group < groups_.size(); ++group) {
    for (size_t i = groups_[group].begin; i < groups_[group].end; ++i) group_of_[i] = group;
    Mark(groups_[group]);
  }
}

void MappingSplit::Renew(size_t index) {
  if (group_chunks_ != 0) Mark(groups_[group_of_[index]]);
}

void MappingSplit::Clear() { Apply(WatchedChunks()); }

// A range that refuses a mark stays in a mapping with others, and is counted with them.
void MappingSplit::Mark(const Group& group) {
  const size_t bytes = (group.end - group.begin) * kChunkBytes;
  const MappingMark mark = group.odd ? MappingMark::kFirst : MappingMark::kSecond;
  (void)MarkMapping(chunks_[group.begin].address, bytes, mark);
}

}  // namespace memtiers
