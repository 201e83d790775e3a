// What it takes for one member to see another's stores, in both modes.
//
// With hardware coherence nothing: the order of atomics is enough. With software coherence a store
// is there once its line is written back, and a read is fresh once the line was dropped from the
// own caches. The six points where that is needed (payload and word before they are named and
// acknowledged; hold, word and payload when reading; holds when freeing) are the calls of these
// functions. Any thread; a few nanoseconds a line, or nothing.
#pragma once

#include <atomic>
#include <cstddef>

#include "pool/layout.h"
#include "sys/cache_eviction.h"
#include "sys/cache_writeback.h"

namespace memtiers {

enum class CoherenceCall { kPublished, kRefreshed };

// For tests: is told of each call with software coherence once it is done, before it returns.
inline std::atomic<void (*)(CoherenceCall, const void*, size_t)> coherence_observer{nullptr};

class Coherence {
 public:
  explicit Coherence(PoolCoherence mode) : software_(mode == PoolCoherence::kSoftware) {}

  bool software() const { return software_; }

  // Makes what was stored visible to everybody before any later store.
  void Publish(const void* address, size_t bytes) const {
    if (!software_) return;
    WriteBackCaches(static_cast<const std::byte*>(address), bytes);
    Tell(CoherenceCall::kPublished, address, bytes);
  }
  // Makes later reads see what was published. The lines are nobody's to write meanwhile but their
  // owner's, who has published: a dirty line would be written over them.
  void Refresh(const void* address, size_t bytes) const {
    if (!software_) return;
    EvictFromCaches(static_cast<const std::byte*>(address), bytes);
    Tell(CoherenceCall::kRefreshed, address, bytes);
  }

 private:
  static void Tell(CoherenceCall call, const void* address, size_t bytes) {
    if (auto* const observer = coherence_observer.load(std::memory_order_relaxed)) {
      observer(call, address, bytes);
    }
  }

  bool software_;
};

}  // namespace memtiers
