// The JavaScript object behind NativeHeap (lib/memory/heap-binding.ts): converts arguments, calls
// the core, converts results. One thread, that of its environment.
#pragma once

#include <napi.h>

namespace memtiers {

// openHeap(options): the heap's object.
Napi::Value OpenHeap(const Napi::CallbackInfo& info);

}  // namespace memtiers
