#include "pool/notice.h"

#include "pool/faults.h"
#include "sys/futex.h"

namespace memtiers {
namespace {

// A directory word has so many bits of its object's version: after that many changes of a shard the
// same word can be another object's.
constexpr uint32_t kVersionsTold = 1U << 11;

}  // namespace

void NoticeChange(const PoolMemory& memory, uint32_t shard) {
  // Sequentially consistent, as is the watcher's sign and his look at the sequence after it: one of
  // us sees the other.
  memory.ShardSequence(shard).fetch_add(1, std::memory_order_seq_cst);
  memory.coherence().Publish(memory.ShardLine(shard), kPoolLineBytes);
  AtomicHalf watched = memory.ShardWatched(shard);
  if (watched.load(std::memory_order_seq_cst) == 0) return;
  watched.store(0, std::memory_order_seq_cst);
  CrashPoint();
  memory.Bell().fetch_add(1, std::memory_order_seq_cst);
  WakeSleepers(memory.BellAddress());
}

void AskForBell(const PoolMemory& memory, uint32_t shard) {
  memory.ShardWatched(shard).store(1, std::memory_order_seq_cst);
}

KeyTrace KeyTrace::Of(const PoolMemory& memory, uint64_t hash) {
  const uint32_t shard = memory.ShardOf(hash);
  const uint32_t slots = memory.layout().sizes().shard_slots;
  KeyTrace trace;
  memory.coherence().Refresh(memory.ShardLine(shard), kPoolLineBytes);
  // First: a change that comes in between is met again.
  trace.sequence_ = memory.ShardSequence(shard).load(std::memory_order_seq_cst);
  for (uint32_t step = 0; step < slots; ++step) {
    const uint64_t position =
        uint64_t{shard} * slots + ((memory.ProbeStart(hash) + step) & (slots - 1));
    memory.coherence().Refresh(memory.DirectoryAddress(position), sizeof(uint64_t));
    const uint64_t word = memory.Directory(position).load(std::memory_order_acquire);
    if (word == kEmptyWord) break;
    if (!ObjectWord::IsObject(word)) continue;
    if (ObjectWord::Unpack(word).tag != PoolMemory::TagOf(hash)) continue;
    trace.words_ = (trace.words_ ^ word) * 0x9e3779b97f4a7c15;
  }
  return trace;
}

bool KeyTrace::DiffersFrom(const KeyTrace& earlier) const {
  return words_ != earlier.words_ || sequence_ - earlier.sequence_ >= kVersionsTold;
}

}  // namespace memtiers
