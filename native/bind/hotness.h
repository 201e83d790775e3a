// Hotness sources as JavaScript sees them: NativeHotnessSource of lib/memory/hotness-binding.ts.
// Chunk numbers become addresses here, on the owner's thread; collecting is a task that keeps the
// watched runs mapped.
//
// One thread, that of the environment. A source holds its heap; a collection under way holds the
// source.
#pragma once

#include <napi.h>

#include <memory>

#include "bind/heap_state.h"

namespace memtiers {

// probeHotnessSources()
Napi::Value DescribeHotnessSources(const Napi::CallbackInfo& info);

// openHotnessSource(kind) of a heap: the source's object. Throws when it does not work here.
Napi::Value MakeHotnessSource(const Napi::CallbackInfo& info, std::shared_ptr<HeapState> state);

}  // namespace memtiers
