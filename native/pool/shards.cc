#include "pool/shards.h"

#include <thread>

#include "pool/faults.h"
#include "pool/notice.h"

namespace memtiers {
namespace {

constexpr int kSpins = 200;
constexpr auto kNap = std::chrono::microseconds(50);

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

uint64_t GranuleOf(uint64_t offset) { return offset / kPoolLineBytes; }

}  // namespace

uint64_t Shards::Position(uint64_t hash, uint32_t step) const {
  const uint32_t slots = memory().layout().sizes().shard_slots;
  return uint64_t{memory().ShardOf(hash)} * slots +
         ((memory().ProbeStart(hash) + step) & (slots - 1));
}

bool Shards::TryLock(uint32_t shard, uint64_t& holder) {
  const LockWord own{.member = membership_->index(), .generation = membership_->generation()};
  holder = 0;
  return memory().ShardLock(shard).compare_exchange_strong(holder, own.Pack(),
                                                           std::memory_order_acq_rel);
}

Status Shards::Lock(uint32_t shard) {
  if (const Status current = membership_->CheckCurrent(); !current.ok()) return current;
  uint64_t holder = 0;
  for (int i = 0; i < kSpins; ++i) {
    if (TryLock(shard, holder)) return {};
    Pause();
  }
  const auto until = std::chrono::steady_clock::now() + patience_;
  for (;;) {
    if (TryLock(shard, holder)) return {};
    const LockWord seen = LockWord::Unpack(holder);
    const bool member = seen.member < memory().layout().sizes().members;
    const MemberWord alive{.generation = seen.generation, .state = MemberState::kLive};
    if (!member || memory().MemberStateWord(seen.member).load() != alive.Pack()) {
      // Nobody who could let go of it: rubbish, or he is being recovered. It is ours if it still
      // says so.
      const LockWord own{.member = membership_->index(), .generation = membership_->generation()};
      if (memory().ShardLock(shard).compare_exchange_strong(holder, own.Pack())) return {};
    } else if (!membership_->RecoverIfDead(seen.member)) {
      if (std::chrono::steady_clock::now() >= until) {
        return Status(Code::kBusy, "member " + std::to_string(seen.member) +
                                       " of the pool keeps a shard locked; is it stopped?");
      }
      std::this_thread::sleep_for(kNap);
    }
  }
}

void Shards::Unlock(uint32_t shard) {
  // Only if it still is ours: who was declared dead has lost it to somebody else.
  uint64_t own =
      LockWord{.member = membership_->index(), .generation = membership_->generation()}.Pack();
  memory().ShardLock(shard).compare_exchange_strong(own, 0, std::memory_order_acq_rel);
}

Found Shards::Find(std::string_view key, uint64_t hash) const {
  Found found;
  for (uint32_t step = 0; step < memory().layout().sizes().shard_slots; ++step) {
    const uint64_t position = Position(hash, step);
    const uint64_t word = memory().Directory(position).load(std::memory_order_acquire);
    if (!ObjectWord::IsObject(word)) {
      if (!found.room.has_value()) found.room = position;
      if (word == kEmptyWord) break;
      continue;
    }
    const ObjectWord object = ObjectWord::Unpack(word);
    if (object.tag != PoolMemory::TagOf(hash)) continue;
    const std::optional<Slot> slot = memory().Find(object);
    if (!slot.has_value() || !memory().HeaderIsSound(*slot, object)) continue;
    if (memory().KeyOf(memory().Header(slot->offset)) != key) continue;
    found.position = position;
    found.word = word;
    found.slot = *slot;
    break;
  }
  return found;
}

bool Shards::MayHaveRoom(uint64_t hash) const {
  for (uint32_t step = 0; step < memory().layout().sizes().shard_slots; ++step) {
    const uint64_t word = memory().Directory(Position(hash, step)).load(std::memory_order_relaxed);
    if (!ObjectWord::IsObject(word)) return true;
    if (ObjectWord::Unpack(word).tag == PoolMemory::TagOf(hash)) return true;
  }
  return false;
}

uint32_t Shards::Rubbish(uint64_t hash, bool forget) {
  uint32_t rubbish = 0;
  for (uint32_t step = 0; step < memory().layout().sizes().shard_slots; ++step) {
    const uint64_t position = Position(hash, step);
    const uint64_t word = memory().Directory(position).load(std::memory_order_acquire);
    if (word == kEmptyWord) break;
    if (!ObjectWord::IsObject(word)) continue;
    const ObjectWord object = ObjectWord::Unpack(word);
    if (object.tag != PoolMemory::TagOf(hash)) continue;
    const std::optional<Slot> slot = memory().Find(object);
    if (slot.has_value() && memory().HeaderIsSound(*slot, object)) continue;
    if (forget) Commit(position, kTombWord);
    ++rubbish;
  }
  return rubbish;
}

bool Shards::Names(uint64_t hash, uint64_t offset) const {
  for (uint32_t step = 0; step < memory().layout().sizes().shard_slots; ++step) {
    const uint64_t word = memory().Directory(Position(hash, step)).load(std::memory_order_acquire);
    if (word == kEmptyWord) return false;
    if (ObjectWord::IsObject(word) && ObjectWord::Unpack(word).granule == GranuleOf(offset)) {
      return true;
    }
  }
  return false;
}

void Shards::Store(uint64_t position, uint64_t word) {
  memory().Directory(position).store(word, std::memory_order_seq_cst);
  if (Obeys(PoolRule::kWritesBackWord)) {
    memory().coherence().Publish(memory().DirectoryAddress(position), sizeof word);
  }
}

void Shards::Commit(uint64_t position, uint64_t word) {
  Store(position, word);
  CrashPoint();
  NoticeChange(memory(), static_cast<uint32_t>(position / memory().layout().sizes().shard_slots));
}

// Deleted words keep the way to those behind them. At the end of a chain they keep nothing, and go.
void Shards::Remove(uint64_t position) {
  Commit(position, kTombWord);
  CrashPoint();
  const uint32_t slots = memory().layout().sizes().shard_slots;
  const uint64_t first = position / slots * slots;
  auto next = [&](uint64_t at) { return first + ((at - first + 1) & (slots - 1)); };
  auto previous = [&](uint64_t at) { return first + ((at - first + slots - 1) & (slots - 1)); };
  if (memory().Directory(next(position)).load(std::memory_order_relaxed) != kEmptyWord) return;
  for (uint32_t i = 0; i < slots; ++i, position = previous(position)) {
    if (memory().Directory(position).load(std::memory_order_relaxed) != kTombWord) return;
    Store(position, kEmptyWord);
  }
}

uint64_t Shards::NextVersion(uint32_t shard) {
  AtomicWord version = memory().ShardVersion(shard);
  const uint64_t next = version.load(std::memory_order_relaxed) + 1;
  version.store(next, std::memory_order_relaxed);
  return next;
}

}  // namespace memtiers
