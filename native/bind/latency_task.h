// Measuring the latency of a run's memory under load as a task; see bind/heap_tasks.h.
#pragma once

#include <napi.h>

#include <cstdint>
#include <map>
#include <memory>

#include "bind/heap_state.h"
#include "bind/task.h"

namespace memtiers {

struct RunProbe;

// The probes of one heap's runs, by first chunk. The environment's thread only; a task keeps the
// probe that it uses.
class LatencyProbes {
 public:
  // Measures one run, whose bytes are overwritten the first time. Throws when there is no such run,
  // and ERR_TIER_BUSY while it is measured already.
  std::unique_ptr<Task> Measure(Napi::Env env, const std::shared_ptr<HeapState>& state,
                                uint32_t first);

  // The run goes: its number may be another's soon.
  void Forget(uint32_t first) { probes_.erase(first); }
  void ForgetAll() { probes_.clear(); }

 private:
  std::map<uint32_t, std::shared_ptr<RunProbe>> probes_;
};

}  // namespace memtiers
