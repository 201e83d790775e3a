// Sees to it that runs which outlive their owner's interest go back when their last holder lets go:
// on the owner's thread as long as there is one, and after that on the thread of the holder.
//
// Thread-safe where it says so. A heap has at most one keeper, made when its first run is shared.
// Lock order: a keeper's lock, then a run's.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/status.h"
#include "memory/heap.h"

namespace memtiers {

class HeapKeeper : public std::enable_shared_from_this<HeapKeeper> {
 public:
  // `wake` asks the owner, from any thread, to call Settle soon. It must not call back, and be
  // harmless when the owner has gone.
  static std::shared_ptr<HeapKeeper> Make(std::function<void()> wake);

  // The token of a run. As Heap::Share. Owner's thread.
  Result<std::string> Share(Heap& heap, uint32_t first, uint64_t bytes);

  // Gives back what lost its last holder since the last call. Owner's thread; cheap when there is
  // nothing to do.
  void Settle(Heap& heap);

  // The owner's last act: closes the heap, and keeps it for as long as others hold runs of it.
  // REQUIRES: no run is in use but by its holders.
  void TakeOver(std::unique_ptr<Heap> heap);

 private:
  explicit HeapKeeper(std::function<void()> wake) : wake_(std::move(wake)) {}

  // Any thread: a closed run has no holders any more.
  void Unheld();

  std::mutex mutex_;
  const std::function<void()> wake_;
  std::unique_ptr<Heap> heap_;  // once it has no owner
  std::atomic<bool> unheld_ = false;
};

}  // namespace memtiers
