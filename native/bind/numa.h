// The NumaBinding of lib/numa/numa-binding.ts: threads of this process, their CPUs and memory
// policy, and what the kernel says about nodes. No state.
#pragma once

#include <napi.h>

namespace memtiers {

// Adds the functions to the addon's exports.
void ExportNuma(Napi::Env env, Napi::Object exports);

}  // namespace memtiers
