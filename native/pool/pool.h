// A pool as a member uses it: values by key, shared with all other members, whoever of them dies
// when.
//
// What a reader may see. A key has at any time one value or none, and changes in one step: Get
// returns a value that the key had at some moment between the call and its return, whole, and it
// stays as it was for as long as it is held, whatever becomes of the key. Changes of one key are in
// one order that all members see, numbered by its version, which never repeats. A member that is
// killed has changed the key or not; nothing in between is ever seen, and nothing of it is lost:
// the next member who needs it takes it over.
//
// One thread at a time; threads join by themselves, and share the PoolFile. A Pool outlives what it
// hands out.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "pool/allocator.h"
#include "pool/check.h"
#include "pool/holds.h"
#include "pool/membership.h"
#include "pool/pool_file.h"
#include "pool/shards.h"

namespace memtiers {

// When the sum of a value is compared with its bytes.
enum class PoolVerify { kAlways, kFirst, kNever };  // kFirst: when this member meets it first

struct PoolOptions {
  PoolVerify verify = PoolVerify::kFirst;
  uint64_t quota_bytes = UINT64_MAX;  // of extents that this member may own
  // How long a change waits for a member that is alive and keeps a shard locked.
  std::chrono::milliseconds patience = std::chrono::seconds(5);
  uint64_t set_member = 0;  // as in Membership::Join
  LeaseTerms lease = {};    // on devices that other hosts may have
};

// Room for an object that nobody else sees yet.
struct Draft {
  Slot slot;
  std::span<std::byte> payload;
};

// An object that stays readable until it is released.
struct Held {
  std::span<std::byte> payload;
  uint64_t version = 0;
  ObjectKind kind = ObjectKind::kValue;
  uint32_t hold = 0;
};

// What a change did, or why not: then nothing has changed.
struct Changed {
  bool done = false;
  uint64_t version = 0;  // of the key's object now; 0: none
};

// Adds to a counter in place; what it is then. It wraps around. REQUIRES: 8 bytes.
inline int64_t AddTo(std::span<std::byte> counter, int64_t amount) {
  const auto added = static_cast<uint64_t>(amount);
  std::atomic_ref word(*reinterpret_cast<uint64_t*>(counter.data()));
  return static_cast<int64_t>(word.fetch_add(added, std::memory_order_acq_rel) + added);
}

struct Listed {
  std::string key;
  uint64_t bytes = 0;
  uint64_t version = 0;
  ObjectKind kind = ObjectKind::kValue;
};

class Pool {
 public:
  // See Membership::Join.
  static Result<std::unique_ptr<Pool>> Join(std::shared_ptr<const PoolFile> file,
                                            const PoolOptions& options = {});
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();

  const Membership& membership() const { return *membership_; }
  Membership& membership() { return *membership_; }
  const PoolMemory& memory() const { return membership_->memory(); }

  // Every change may fail so: kInvalid: the key is empty or longer than kMaxKeyBytes. kFull: no
  // room, in memory or in the key's shard of the directory. kBusy: a member that lives keeps the
  // shard locked. kClosed: this member was declared dead. Nothing has changed then.

  // Gives a key a value. `expected`: only if the key's version is this; 0: only if it has none.
  Result<Changed> Put(std::string_view key, std::span<const std::byte> value,
                      std::optional<uint64_t> expected = std::nullopt);
  Result<Changed> Delete(std::string_view key, std::optional<uint64_t> expected = std::nullopt);
  // Adds to a counter, which begins with 0 where there is none; what it is then. kInvalid: the key
  // has something else.
  Result<int64_t> Add(std::string_view key, int64_t amount);

  // Room to write a value into; then Publish or Abandon it. Its contents are whatever was there.
  Result<Draft> Begin(uint64_t bytes);
  // As Put. The draft is used up if it was published, and only then.
  Result<Changed> Publish(const Draft& draft, std::string_view key, ObjectKind kind,
                          std::optional<uint64_t> expected = std::nullopt);
  void Abandon(const Draft& draft);

  // Nothing: the key has no value. kFull: this member holds too many objects. kLost: the value is
  // there and damaged. Release it. A kValue is not to be written to.
  // `verify`: false: its sum is nobody's concern now.
  Result<std::optional<Held>> Get(std::string_view key, bool verify = true);
  void Release(const Held& held) { holds_.Release(held.hold); }

  // The object at or after a position of the directory, and the position behind it. Each object
  // that is there throughout is met once; begin with 0. Nothing: there are no more.
  std::optional<Listed> Next(uint64_t& position);

  // A change step by step, for who makes it on several devices at once (pool_set.h).
  Status Lock(uint64_t hash) { return shards_.Lock(memory().ShardOf(hash)); }
  void Unlock(uint64_t hash) { shards_.Unlock(memory().ShardOf(hash)); }
  // All that is in a draft but its version; nobody sees it yet.
  void Write(const Draft& draft, std::string_view key, ObjectKind kind);
  // REQUIRES of these: the key's shard is locked; `found` is of Find since then.
  Found Find(std::string_view key, uint64_t hash) const { return shards_.Find(key, hash); }
  // May be asked without the lock, and is a hint: the directory has room for the hash's key.
  bool MayHaveRoom(uint64_t hash) const { return shards_.MayHaveRoom(hash); }
  uint64_t VersionOf(const Found& found) const;
  // Whether the value found is what its sum says.
  bool IsSound(const Found& found) const;
  // Names a draft that was written as the key's value. REQUIRES: there is a position or room.
  void Commit(const Draft& draft, uint64_t hash, const Found& found, uint64_t version);
  // Takes its value from a key that has one.
  void Unlink(const Found& found);
  // Forgets words that could be this key's and name no sound header. How many.
  uint32_t RemoveRubbish(uint64_t hash) { return shards_.Rubbish(hash, true); }
  uint32_t Rubbish(uint64_t hash) { return shards_.Rubbish(hash, false); }
  AtomicWord NewestVersion(uint64_t hash) const {
    return memory().ShardVersion(memory().ShardOf(hash));
  }
  // After unlocking: what Commit or Unlink took away comes back when nobody holds it.
  void Retire(const Slot& slot) { allocator_.Retire(slot); }
  void Share(const Draft& draft) { allocator_.Share(draft.slot); }

  // What a member does now and then, so that others need not wait for it: recovers the dead, frees
  // what others have deleted of his. How many members were dead.
  uint32_t Maintain();

  // Walks over the whole pool (check.h) while others go on.
  PoolCheck Check();

  AllocatorFigures figures() const { return allocator_.figures(); }
  uint32_t held() const { return holds_.held(); }

 private:
  Pool(std::unique_ptr<Membership> membership, const PoolOptions& options);
  Status CheckKey(std::string_view key) const;
  Result<std::optional<Held>> TryGet(std::string_view key, uint64_t hash, bool verify, bool& again);
  bool PayloadIsSound(const Slot& slot, uint64_t word);
  void SealHeader(const Draft& draft, uint64_t version);
  Result<Changed> PublishLocked(const Draft& draft, std::string_view key, uint64_t hash,
                                std::optional<uint64_t> expected, Slot& replaced);
  const PoolLayout& layout() const { return memory().layout(); }

  std::unique_ptr<Membership> membership_;
  PoolVerify verify_;
  Holds holds_;
  Shards shards_;
  Allocator allocator_;
  std::vector<uint64_t> verified_;  // words of values whose sums were good, by a few bits of them
};

}  // namespace memtiers
