// ArrayBuffers over memory of ours.
//
// The environment's thread only. A buffer keeps what it was given with the memory, and the
// collector deletes that once nobody can reach the bytes by it, also where a program moved them to
// another ArrayBuffer (ArrayBuffer.prototype.transfer); the end of the environment does so at the
// latest.
#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>
#include <utility>

namespace memtiers {

// Whether a program can move a buffer's bytes to another one (ArrayBuffer.prototype.transfer), so
// that they outlive it.
bool CanTransferBuffers(Napi::Env env);

// Calls `finalize` with `hold` itself when it throws. See the other one.
Napi::ArrayBuffer NewExternalBuffer(Napi::Env env, void* address, uint64_t bytes,
                                    napi_finalize finalize, void* hold);

// A buffer of these bytes, and the owner of `hold`. Throws ERR_TIER_INVALID for no bytes, or more
// than the engine has buffers for, and ERR_TIER_UNAVAILABLE when it has no external ones (sandboxed
// engines).
template <typename Hold>
Napi::ArrayBuffer NewExternalBuffer(Napi::Env env, void* address, uint64_t bytes,
                                    std::unique_ptr<Hold> hold) {
  const auto finalize = [](napi_env, void*, void* hint) { delete static_cast<Hold*>(hint); };
  return NewExternalBuffer(env, address, bytes, finalize, hold.release());
}

}  // namespace memtiers
