#include "memory/heap_keeper.h"

#include <utility>

namespace memtiers {

std::shared_ptr<HeapKeeper> HeapKeeper::Make(std::function<void()> wake) {
  return std::shared_ptr<HeapKeeper>(new HeapKeeper(std::move(wake)));
}

Result<std::string> HeapKeeper::Share(Heap& heap, uint32_t first, uint64_t bytes) {
  // A run keeps its keeper, so that there is one for as long as it has holders.
  return heap.Share(first, bytes, [self = shared_from_this()] { self->Unheld(); });
}

void HeapKeeper::Settle(Heap& heap) {
  if (unheld_.load(std::memory_order_relaxed) && unheld_.exchange(false)) heap.ReleaseUnheld();
}

void HeapKeeper::TakeOver(std::unique_ptr<Heap> heap) {
  const std::lock_guard lock(mutex_);
  heap->Close();
  // Who lets go from here on waits for the lock and finds the heap.
  if (heap->ReleaseUnheld()) heap_ = std::move(heap);
}

void HeapKeeper::Unheld() {
  std::unique_ptr<Heap> done;  // goes after the lock
  const std::lock_guard lock(mutex_);
  if (heap_ != nullptr) {
    if (!heap_->ReleaseUnheld()) done = std::move(heap_);
    return;
  }
  unheld_.store(true);
  wake_();
}

}  // namespace memtiers
