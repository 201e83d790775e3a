// Calls JavaScript when a key of a pool that it watches may have changed.
//
// The environment's thread; the watcher's own thread only leaves numbers and asks for the call.
// Keeps the event loop alive while anything is watched.
#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "pool/watcher.h"

namespace memtiers {

class PoolWatches {
 public:
  using Files = std::vector<std::shared_ptr<const PoolFile>>;

  // `changed` is called with the number of a watch. Throws when the environment is shutting down.
  static Result<std::unique_ptr<PoolWatches>> Make(Napi::Env env, const Napi::Function& changed);
  PoolWatches(const PoolWatches&) = delete;
  PoolWatches& operator=(const PoolWatches&) = delete;
  ~PoolWatches();

  // See PoolWatcher. The devices as they are now: a pool may have got another one.
  void SetFiles(Files files);
  uint64_t Watch(const std::string& key);
  void Unwatch(uint64_t watch);

 private:
  struct Line;

  explicit PoolWatches(Napi::Env env) : env_(env) {}

  Napi::Env env_;
  std::shared_ptr<Line> line_;
  std::unique_ptr<PoolWatcher> watcher_;
  Files files_;
  std::set<uint64_t> watched_;
};

}  // namespace memtiers
