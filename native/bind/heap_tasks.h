// The heap's background operations as tasks. Each checks and claims what it needs when it is made,
// on the environment's thread, and lets go in Finish.
#pragma once

#include <napi.h>

#include <chrono>
#include <cstdint>
#include <memory>

#include "bind/heap_state.h"
#include "bind/task.h"
#include "migrate/move_result.h"

namespace memtiers {

// A byte range inside one run.
struct RunBytes {
  uint32_t first = 0;
  uint64_t offset = 0;
  uint64_t length = 0;
};

// All throw when the range, chunk or backend is not there.
std::unique_ptr<Task> MakePrefault(Napi::Env env, std::shared_ptr<HeapState> state,
                                   const RunBytes& range);
std::unique_ptr<Task> MakeWrite(Napi::Env env, std::shared_ptr<HeapState> state,
                                const RunBytes& range, const Napi::Uint8Array& source);
std::unique_ptr<Task> MakeMovePages(Napi::Env env, std::shared_ptr<HeapState> state, uint32_t first,
                                    uint32_t chunks, uint32_t backend);

// Measures a backend with at most `bytes` of its memory, which is taken for as long as that lasts.
std::unique_ptr<Task> MakeCalibrate(Napi::Env env, const std::shared_ptr<HeapState>& state,
                                    uint32_t backend, uint64_t bytes,
                                    std::chrono::nanoseconds duration);

// The result as the ChunkMoveResult of lib/native.ts.
Napi::Value ToValue(Napi::Env env, const MoveResult& result);

}  // namespace memtiers
