#include "pool/holds.h"

#include <algorithm>
#include <bit>

namespace memtiers {

Holds::Holds(const PoolMemory& memory, uint32_t member) : memory_(memory), member_(member) {
  const uint32_t holds = memory.layout().sizes().holds;
  words_.resize(holds);
  counts_.resize(holds);
  for (uint32_t i = holds; i > 0; --i) free_.push_back(i - 1);
  buckets_.resize(std::bit_ceil(holds * 2));
}

uint32_t Holds::Bucket(uint64_t word) const {
  const auto mask = static_cast<uint32_t>(buckets_.size() - 1);
  return static_cast<uint32_t>(word * 0x9e3779b97f4a7c15 >> 32) & mask;
}

void Holds::Remember(uint32_t index) {
  const auto mask = static_cast<uint32_t>(buckets_.size() - 1);
  uint32_t at = Bucket(words_[index]);
  while (buckets_[at] != 0) at = (at + 1) & mask;
  buckets_[at] = index + 1;
}

// Closes the gap, so that lookups can stop at the first empty bucket.
void Holds::Forget(uint32_t index) {
  const auto mask = static_cast<uint32_t>(buckets_.size() - 1);
  uint32_t gap = Bucket(words_[index]);
  while (buckets_[gap] != index + 1) gap = (gap + 1) & mask;
  for (uint32_t at = (gap + 1) & mask; buckets_[at] != 0; at = (at + 1) & mask) {
    const uint32_t home = Bucket(words_[buckets_[at] - 1]);
    if (((at - home) & mask) < ((at - gap) & mask)) continue;
    buckets_[gap] = buckets_[at];
    gap = at;
  }
  buckets_[gap] = 0;
}

std::optional<uint32_t> Holds::Take(uint64_t word) {
  const auto mask = static_cast<uint32_t>(buckets_.size() - 1);
  for (uint32_t at = Bucket(word); buckets_[at] != 0; at = (at + 1) & mask) {
    const uint32_t index = buckets_[at] - 1;
    if (words_[index] != word) continue;
    ++counts_[index];
    return index;
  }
  if (free_.empty()) return std::nullopt;
  const uint32_t index = free_.back();
  free_.pop_back();
  if (index >= limit_) {
    limit_ = index + 1;
    memory_.HoldLimit(member_).store(limit_, std::memory_order_seq_cst);
  }
  AtomicWord hold = memory_.Hold(member_, index);
  // Sequentially consistent, as is the read of the directory after it and, of who frees, the
  // unlinking and the read of the holds: either he sees this hold, or we see that the object is
  // unlinked.
  hold.store(word, std::memory_order_seq_cst);
  if (memory_.coherence().software()) {
    memory_.coherence().Publish(&memory_.Member(member_), sizeof(MemberEntry));
    memory_.coherence().Publish(memory_.HoldAddress(member_, index), sizeof word);
  }
  words_[index] = word;
  counts_[index] = 1;
  ++held_;
  Remember(index);
  return index;
}

void Holds::Release(uint32_t index) {
  if (--counts_[index] > 0) return;
  memory_.Hold(member_, index).store(0, std::memory_order_release);
  memory_.coherence().Publish(memory_.HoldAddress(member_, index), sizeof(uint64_t));
  Forget(index);
  words_[index] = 0;
  free_.push_back(index);
  --held_;
}

std::vector<uint64_t> ReadHeldGranules(const PoolMemory& memory) {
  std::vector<uint64_t> held;
  const PoolSizes& sizes = memory.layout().sizes();
  for (uint32_t member = 0; member < sizes.members; ++member) {
    memory.coherence().Refresh(&memory.Member(member), sizeof(MemberEntry));
    // Whoever is free now and joins later takes his first hold after what we free was unlinked.
    const uint64_t state = memory.MemberStateWord(member).load(std::memory_order_seq_cst);
    if (MemberWord::Unpack(state).state == MemberState::kFree) continue;
    const uint64_t limit =
        std::min<uint64_t>(memory.HoldLimit(member).load(std::memory_order_seq_cst), sizes.holds);
    memory.coherence().Refresh(memory.HoldAddress(member, 0), limit * sizeof(uint64_t));
    for (uint32_t i = 0; i < limit; ++i) {
      const uint64_t word = memory.Hold(member, i).load(std::memory_order_seq_cst);
      if (ObjectWord::IsObject(word)) held.push_back(ObjectWord::Unpack(word).granule);
    }
  }
  std::ranges::sort(held);
  return held;
}

}  // namespace memtiers
