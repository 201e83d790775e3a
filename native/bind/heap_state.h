// A heap as several owners see it: the JavaScript object, its buffers, and background tasks. The
// last one to let go gives the memory back, but for runs that other threads hold: those stay until
// their last holder lets go, wherever that is.
//
// The environment's thread only; tasks carry a reference through other threads without touching it.
#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "bind/thread_call.h"
#include "memory/heap.h"
#include "memory/heap_keeper.h"

namespace memtiers {

class HeapState : public std::enable_shared_from_this<HeapState> {
 public:
  // Registers with the environment, whose teardown closes the heap.
  HeapState(Napi::Env env, std::unique_ptr<Heap> heap);
  HeapState(const HeapState&) = delete;
  HeapState& operator=(const HeapState&) = delete;
  ~HeapState();

  Heap& heap() const { return *heap_; }

  // The token by which other threads find a run. As Heap::Share.
  Result<std::string> Share(uint32_t first, uint64_t bytes);

  // Gives back what other threads have let go of, if the environment has not come to it yet.
  void Settle() const {
    if (keeper_ != nullptr) keeper_->Settle(*heap_);
  }

 private:
  // No JavaScript runs any more, so buffers need no detaching; runs in use follow when their use
  // ends.
  static void CloseAtExit(void* data) { static_cast<HeapState*>(data)->heap_->Close(); }

  napi_env env_;
  std::unique_ptr<Heap> heap_;
  // Both once a run was shared.
  std::optional<ThreadCall> settle_call_;
  std::shared_ptr<HeapKeeper> keeper_;
};

}  // namespace memtiers
