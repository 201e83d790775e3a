// MachineDescription of lib/tiers/machine-description.ts from a scan of the machine.
#pragma once

#include <napi.h>

namespace memtiers {

// describeMachine(root: string): MachineDescription. Throws only a TypeError for a root that is no
// string.
Napi::Value DescribeMachine(const Napi::CallbackInfo& info);

}  // namespace memtiers
