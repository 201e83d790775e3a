// The directory as those see it who change it: one lock a shard, and what is found under it.
//
// A lock names its holder, so whoever waits can tell that he is dead, recover him and go on.
// Readers never wait: they read words. One thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/status.h"
#include "pool/membership.h"

namespace memtiers {

struct Found {
  std::optional<uint64_t> position;  // of the key's word
  uint64_t word = 0;
  Slot slot;
  std::optional<uint64_t> room;  // where a word for the key may go
};

class Shards {
 public:
  Shards(Membership& membership, std::chrono::milliseconds patience)
      : membership_(&membership), patience_(patience) {}

  // kBusy: a member that lives has had it for as long as our patience lasts, e.g. because it is
  // stopped. kClosed: we were declared dead.
  Status Lock(uint32_t shard);
  void Unlock(uint32_t shard);

  // Whether a word for the hash's key has room, or may be there. Without the lock it is a hint: it
  // looks at words only, since objects may be freed and written to meanwhile.
  bool MayHaveRoom(uint64_t hash) const;

  // REQUIRES of all below: the shard is locked.

  // Passes over words that are rubbish.
  Found Find(std::string_view key, uint64_t hash) const;
  // Whether the shard of a hash names a slot.
  bool Names(uint64_t hash, uint64_t offset) const;
  // Names an object: the one store that makes it the key's value. Tells those who watch.
  void Commit(uint64_t position, uint64_t word);
  // Forgets the word: the one store that makes the key have no value. Likewise.
  void Remove(uint64_t position);
  // Words of the hash's shard that have its tag and name nothing sound; forgets them: whatever they
  // were, nobody can read it, and they would be met before what the key has now. How many.
  uint32_t Rubbish(uint64_t hash, bool forget);
  // One more than the version of any object the shard has named.
  uint64_t NextVersion(uint32_t shard);

 private:
  bool TryLock(uint32_t shard, uint64_t& holder);
  void Store(uint64_t position, uint64_t word);
  const PoolMemory& memory() const { return membership_->memory(); }
  uint64_t Position(uint64_t hash, uint32_t step) const;

  Membership* membership_;
  std::chrono::milliseconds patience_;
};

}  // namespace memtiers
