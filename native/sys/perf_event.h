// Hardware events that sample the addresses one thread of this process accesses.
//
// Not thread-safe. A ring of 128 KiB of locked memory a thread, less where the limit
// (kernel.perf_event_mlock_kb) leaves no more. User mode only, which kernel.perf_event_paranoid = 2
// permits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "sys/sample_ring.h"
#include "sys/unique_fd.h"

namespace memtiers {

// An event as perf_event_open(2) takes it.
struct PerfEvent {
  std::string name;  // for messages, e.g. "cpu/mem-loads/"
  uint32_t type = 0;
  uint64_t config = 0;
  uint64_t config1 = 0;
  uint64_t config2 = 0;
  uint64_t period = 0;          // events to a sample
  uint8_t precise = 0;          // precise_ip
  bool filters_itself = false;  // user mode by its configuration and not by exclude_kernel
  bool starts_group = false;    // counts only, so that the next one can be sampled
};

// Threads of this process.
Result<std::vector<int>> ListThreads();
int CurrentThread();

class ThreadSampler {
 public:
  // Starts sampling a thread. kNoPermission: perf_event_paranoid, or a container's filter;
  // kUnavailable: no such event in this CPU; kFull: no descriptors or locked memory left.
  static Result<ThreadSampler> Open(std::span<const PerfEvent> events, int thread);

  ThreadSampler(ThreadSampler&& other) noexcept = default;
  ThreadSampler& operator=(ThreadSampler&& other) noexcept = default;

  // Hands out the samples since the last time.
  RingRead Take(const std::function<void(const AccessSample&)>& take);

 private:
  struct Unmap {
    size_t bytes;
    void operator()(void* address) const;
  };
  using Ring = std::unique_ptr<void, Unmap>;

  ThreadSampler() = default;

  std::vector<UniqueFd> events_;
  Ring ring_;  // unmapped before its event is closed
};

}  // namespace memtiers
