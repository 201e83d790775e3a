// How those who wait for a key learn that it has changed.
//
// Every change bumps its shard's sequence, under the shard's lock. Who watches a shard says so in
// the shard's line and sleeps on the pool's bell, one word for all; the next change takes the sign
// down and rings. So a change that nobody watches costs one atomic addition to a line that its lock
// has brought anyway, and no system call. Deaths lose nothing: a sign that a dead watcher left
// rings once in vain, and a bell that was not rung is made up for by looking now and then.
//
// Counters and regions change in place, without a commit: of that nobody is told.
#pragma once

#include <cstdint>
#include <string_view>

#include "pool/pool_memory.h"

namespace memtiers {

// REQUIRES: the shard is locked by the caller, who has just stored a word of its directory; or he
// recovers one who may have.
void NoticeChange(const PoolMemory& memory, uint32_t shard);

// Asks for the bell at the shard's next change. Once: put it up again before looking again.
void AskForBell(const PoolMemory& memory, uint32_t shard);

// What a key's part of the directory looks like. Needs no hold, no lock and no membership, and
// stores nothing: some 50 ns.
class KeyTrace {
 public:
  KeyTrace() = default;
  static KeyTrace Of(const PoolMemory& memory, uint64_t hash);

  // Whether the key may have changed between two looks. Seldom true for a key that has not, when
  // another one of its shard has; false only if it has not.
  bool DiffersFrom(const KeyTrace& earlier) const;

 private:
  uint64_t words_ = 0;
  uint32_t sequence_ = 0;
};

}  // namespace memtiers
