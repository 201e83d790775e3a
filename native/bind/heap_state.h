// A heap as several owners see it: the JavaScript object, its buffers, and background tasks. The
// last one to let go gives the memory back.
//
// The environment's thread only; tasks carry a reference through other threads without touching it.
#pragma once

#include <napi.h>

#include <memory>
#include <utility>

#include "memory/heap.h"

namespace memtiers {

class HeapState {
 public:
  // Registers with the environment, whose teardown closes the heap.
  HeapState(Napi::Env env, std::unique_ptr<Heap> heap) : env_(env), heap_(std::move(heap)) {
    napi_add_env_cleanup_hook(env_, CloseAtExit, this);
  }
  HeapState(const HeapState&) = delete;
  HeapState& operator=(const HeapState&) = delete;
  ~HeapState() { napi_remove_env_cleanup_hook(env_, CloseAtExit, this); }

  Heap& heap() const { return *heap_; }

 private:
  // No JavaScript runs any more, so buffers need no detaching; runs in use follow when their use
  // ends.
  static void CloseAtExit(void* data) { static_cast<HeapState*>(data)->heap_->Close(); }

  napi_env env_;
  std::unique_ptr<Heap> heap_;
};

}  // namespace memtiers
