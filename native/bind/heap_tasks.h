// The heap's background operations as tasks. Each checks and claims what it needs when it is made,
// on the environment's thread, and lets go in Finish.
#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>

#include "bind/heap_state.h"
#include "bind/run_task.h"
#include "bind/task.h"
#include "migrate/move_result.h"

namespace memtiers {

// All throw when the range, chunk or backend is not there.
std::unique_ptr<Task> MakePrefault(Napi::Env env, std::shared_ptr<HeapState> state,
                                   const RunBytes& range);
std::unique_ptr<Task> MakeFlush(Napi::Env env, std::shared_ptr<HeapState> state,
                                const RunBytes& range);
std::unique_ptr<Task> MakeWrite(Napi::Env env, std::shared_ptr<HeapState> state,
                                const RunBytes& range, const Napi::Uint8Array& source);
std::unique_ptr<Task> MakeMovePages(Napi::Env env, std::shared_ptr<HeapState> state, uint32_t first,
                                    uint32_t chunks, uint32_t backend);
std::unique_ptr<Task> MakeMoveChunk(Napi::Env env, std::shared_ptr<HeapState> state, uint32_t chunk,
                                    uint32_t backend);

// The result as the ChunkMoveResult of lib/memory/heap-binding.ts.
Napi::Value ToValue(Napi::Env env, const MoveResult& result);

}  // namespace memtiers
