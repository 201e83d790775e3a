// Measuring a backend as a task; see bind/heap_tasks.h.
#pragma once

#include <napi.h>

#include <chrono>
#include <cstdint>
#include <memory>

#include "bind/heap_state.h"
#include "bind/task.h"

namespace memtiers {

// Measures a backend with at most `bytes` of its memory, which is taken for as long as that lasts.
// Throws when the backend is not there or has no memory left.
std::unique_ptr<Task> MakeCalibrate(Napi::Env env, const std::shared_ptr<HeapState>& state,
                                    uint32_t backend, uint64_t bytes,
                                    std::chrono::nanoseconds duration);

}  // namespace memtiers
