// A run of another thread's heap as an ArrayBuffer of this thread: AttachedRun of
// lib/memory/heap-binding.ts.
//
// The environment's thread only; the owner's thread is not asked and need not exist any more.
#pragma once

#include <napi.h>

namespace memtiers {

// attachRun(token): its object. Throws ERR_TIER_CLOSED when the run is gone, ERR_TIER_UNAVAILABLE
// when the token is of another process.
Napi::Value AttachRun(const Napi::CallbackInfo& info);

}  // namespace memtiers
