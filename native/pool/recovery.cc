#include "pool/recovery.h"

#include <optional>

#include "pool/faults.h"
#include "pool/notice.h"

namespace memtiers {
namespace {

void ClearHolds(const PoolMemory& memory, uint32_t member) {
  // All of them: the limit may be rubbish.
  for (uint32_t i = 0; i < memory.layout().sizes().holds; ++i) {
    AtomicWord hold = memory.Hold(member, i);
    if (hold.load(std::memory_order_relaxed) == 0) continue;
    hold.store(0, std::memory_order_release);
  }
  const uint64_t bytes = uint64_t{memory.layout().sizes().holds} * sizeof(uint64_t);
  memory.coherence().Publish(memory.base() + memory.layout().holds_offset() + member * bytes,
                             bytes);
}

// Every store within a critical section leaves a state that can be read and gone on from, so the
// lock may just be taken away.
void FreeLocks(const PoolMemory& memory, uint32_t member) {
  for (uint32_t shard = 0; shard < memory.layout().sizes().shards; ++shard) {
    AtomicWord lock = memory.ShardLock(shard);
    uint64_t word = lock.load(std::memory_order_acquire);
    if (word != 0 && LockWord::Unpack(word).member == member) {
      // He may have committed and told nobody.
      NoticeChange(memory, shard);
      lock.compare_exchange_strong(word, 0, std::memory_order_acq_rel);
    }
  }
}

// From the end, so that whoever adopts the head of a run finds the rest of it.
void OrphanExtents(const PoolMemory& memory, uint32_t member) {
  const uint64_t extents = memory.layout().extent_count();
  for (uint64_t i = 0; i < extents; ++i) {
    AtomicWord word = memory.Extent(Obeys(PoolRule::kOrphanFromEnd) ? extents - 1 - i : i);
    uint64_t seen = word.load(std::memory_order_acquire);
    ExtentWord owner = ExtentWord::Unpack(seen);
    if (owner.state != ExtentState::kOwned || owner.member != member) continue;
    // What never held an object nobody can name or hold, so there is nothing to adopt.
    if (owner.size_class == kPrivateClass) {
      owner = {.generation = owner.generation + 1};
    } else {
      owner.state = ExtentState::kOrphan;
      owner.member = 0;
    }
    word.compare_exchange_strong(seen, owner.Pack(), std::memory_order_acq_rel);
    CrashPoint();
  }
}

// Nothing: there is nothing to recover, or somebody else is at it.
std::optional<uint64_t> Claim(const PoolMemory& memory, uint32_t member, uint16_t host,
                              bool take_over) {
  AtomicWord word = memory.MemberStateWord(member);
  uint64_t seen = word.load(std::memory_order_acquire);
  for (;;) {
    MemberWord claim = MemberWord::Unpack(seen);
    if (claim.state == MemberState::kFree) return std::nullopt;
    if (claim.state == MemberState::kRecovering && claim.host != host && !take_over) {
      return std::nullopt;
    }
    claim.state = MemberState::kRecovering;
    claim.host = host;
    if (word.compare_exchange_strong(seen, claim.Pack(), std::memory_order_seq_cst)) {
      // Others who wait for his lease to end wait for us now.
      AtomicWord(memory.Member(member).heartbeat).fetch_add(1, std::memory_order_acq_rel);
      return claim.Pack();
    }
  }
}

}  // namespace

uint16_t HostTag(uint64_t boot) {
  return static_cast<uint16_t>((boot * 0x9e3779b97f4a7c15) >> 50 | 1);  // 0 is nobody
}

void RecoverMember(const PoolMemory& memory, uint32_t member, uint16_t host, bool take_over) {
  const std::optional<uint64_t> claim = Claim(memory, member, host, take_over);
  if (!claim.has_value()) return;
  AtomicWord word = memory.MemberStateWord(member);
  // Who was held up while another host took over from him leaves it at that.
  const auto ours = [&] { return word.load(std::memory_order_acquire) == *claim; };
  CrashPoint();
  if (Obeys(PoolRule::kRecoveryClearsHolds)) ClearHolds(memory, member);
  CrashPoint();
  if (Obeys(PoolRule::kRecoveryFreesLocks) && ours()) FreeLocks(memory, member);
  CrashPoint();
  if (Obeys(PoolRule::kRecoveryOrphansExtents) && ours()) OrphanExtents(memory, member);
  // Nobody recovers who is free, so on the device too nothing may be his by then.
  if (Obeys(PoolRule::kWritesBackRecovery)) {
    memory.coherence().Publish(memory.ShardLine(0),
                               uint64_t{memory.layout().sizes().shards} * kPoolLineBytes);
    memory.PublishExtents(0, memory.layout().extent_count());
  }
  CrashPoint();
  // Last: a free entry has no holds, which sweeps rely on, and the next one to join finds nothing
  // of his predecessor's.
  uint64_t done = *claim;
  word.compare_exchange_strong(
      done, MemberWord{.generation = MemberWord::Unpack(*claim).generation}.Pack(),
      std::memory_order_seq_cst);
}

}  // namespace memtiers
