// A PoolSet as one environment and its background tasks share it.
//
// The rule: a PoolSet is used by one thread at a time, so whoever uses it has the lock, for one
// operation of it and not longer. Bytes are copied without the lock: those of a draft are nobody
// else's, those of a held value do not change. No JavaScript runs under the lock. What takes long
// for the whole pool (a check, a scrub, a new device) joins as a member of its own for as long as
// it takes, and leaves this one alone.
//
// Whoever has a reference may use it at any time; the last one to let go leaves the pool.
#pragma once

#include <cerrno>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "pool/pool_set.h"

namespace memtiers {

// With what a set was opened, so that it can be opened once more.
struct PoolPlaces {
  std::vector<PoolDevice> devices;
  PoolSetOptions options;
};

// What a call that ran out of ordinary memory comes to.
inline Status PoolOutOfMemory() { return Status::FromErrno(ENOMEM, "", "a pool's own tables"); }

class PoolMember {
 public:
  PoolMember(std::unique_ptr<PoolSet> set, PoolPlaces places)
      : set_(std::move(set)), places_(std::move(places)) {}
  PoolMember(const PoolMember&) = delete;
  PoolMember& operator=(const PoolMember&) = delete;

  // What `use` returns, which must not be anything that the next use changes. Any thread.
  template <typename Callable>
  auto Use(Callable&& use) {
    const std::lock_guard lock(mutex_);
    return std::forward<Callable>(use)(*set_);
  }

  // The same set as another member. Any thread.
  Result<std::unique_ptr<PoolSet>> OpenAnother() const {
    return PoolSet::Open(places_.devices, places_.options);
  }

 private:
  std::mutex mutex_;
  std::unique_ptr<PoolSet> set_;
  const PoolPlaces places_;
};

}  // namespace memtiers
