// Tells when keys of a pool may have changed.
//
// One thread a watcher. It sleeps until a change rings the pool's bell, which takes some 20 us from
// commit to call, and looks by itself every `poll`, so that it misses nothing whoever dies; where a
// member of another host is in, or the kernel cannot wait for several words, every `poll_alone`.
// It is no member: it holds nothing and, in a pool that is open read-only, stores nothing.
//
// Functions may be called from any thread, also from within the callback, but for the destructor.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "pool/pool_file.h"

namespace memtiers {

struct WatchPace {
  std::chrono::milliseconds poll{250};
  std::chrono::milliseconds poll_alone{10};
};

class PoolWatcher {
 public:
  // Called on the watcher's thread, with no lock held. It says that the key may have changed; look
  // at its version. Changes close together are told once.
  using Changed = std::function<void(uint64_t watch)>;

  // kFull: no thread to be had.
  static Result<std::unique_ptr<PoolWatcher>> Start(Changed changed, const WatchPace& pace = {});
  PoolWatcher(const PoolWatcher&) = delete;
  PoolWatcher& operator=(const PoolWatcher&) = delete;
  // Returns once the thread is done: at once, or when a call of `changed` returns.
  ~PoolWatcher();

  // The devices to look at, all of them: a key is looked for on each. Those who watch are called
  // once if that may have changed what their keys are.
  void SetFiles(std::vector<std::shared_ptr<const PoolFile>> files);

  // Begins to watch a key; every change that is committed after the return is told. The number that
  // `changed` is called with; never 0, never given out twice.
  uint64_t Watch(std::string_view key);
  // It may be called once more for a change that was just being told.
  void Unwatch(uint64_t watch);

 private:
  class State;
  explicit PoolWatcher(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
};

}  // namespace memtiers
