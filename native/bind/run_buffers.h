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
#include <utility>

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
  void Revoke(uint32_t first);
  void RevokeAll();

 private:
  // The buffer's share in the heap, which goes when nobody can reach the bytes by it any more. That
  // may be long after the run has gone.
  struct Hold {
    std::shared_ptr<HeapState> state;
    uint32_t first = 0;
    bool keeps_run = false;

    Hold(std::shared_ptr<HeapState> whose, uint32_t run) : state(std::move(whose)), first(run) {}
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold();
    void KeepRun();
  };
  struct Entry {
    Napi::Reference<Napi::ArrayBuffer> buffer;
    std::weak_ptr<Hold> hold;
  };

  static void Revoke(Entry& entry);

  std::map<uint32_t, Entry> entries_;
};

}  // namespace memtiers
