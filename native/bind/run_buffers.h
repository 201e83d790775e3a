// The external ArrayBuffers of a heap's runs: one each, made on first use, detached when the run
// goes.
//
// References are weak: whoever uses a run's bytes keeps its buffer, and a buffer that was collected
// is made anew when it is asked for. The environment's thread only. A buffer that a program has
// moved elsewhere (ArrayBuffer.prototype.transfer) can no longer be detached; its memory then stays
// until the collector has found it unreachable.
#pragma once

#include <napi.h>

#include <cstdint>
#include <map>
#include <memory>

#include "bind/heap_state.h"

namespace memtiers {

class RunBuffers {
 public:
  // The run's buffer. Throws ERR_TIER_INVALID when the run is shorter than `bytes` or the engine
  // has no buffers that long, ERR_TIER_UNAVAILABLE when it has no external ones (sandboxed
  // engines).
  Napi::Value Get(Napi::Env env, const std::shared_ptr<HeapState>& state, uint32_t first,
                  uint64_t bytes);

  // Revokes the run's buffer: its length and that of its views becomes 0. REQUIRES: the run still
  // exists.
  void Revoke(Napi::Env env, uint32_t first);
  void RevokeAll(Napi::Env env);

 private:
  // Shared with the buffer's finalizer, which may come long after the run has gone.
  struct Hold {
    std::shared_ptr<HeapState> state;
    uint32_t first = 0;
    bool keeps_run = false;
  };
  struct Entry {
    Napi::Reference<Napi::ArrayBuffer> buffer;
    Hold* hold = nullptr;
  };

  static void Finalize(napi_env env, void* data, void* hint);
  static void Revoke(Napi::Env env, Entry& entry);

  std::map<uint32_t, Entry> entries_;
};

}  // namespace memtiers
