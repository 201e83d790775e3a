// Puts the whole description together.
#pragma once

#include <string>

#include "topology/machine.h"

namespace memtiers {

// Describes the machine. Never fails: what cannot be read is absent and listed in `unreadable`.
//
// `root` is put in front of every path; "" is the running system. With a root nothing is asked of
// the running kernel: permissions are 0, free disk bytes 0, the kernel's release is what the files
// say.
//
// Thread-safe. A few milliseconds; more with thousands of mounts or devices.
Machine ScanMachine(const std::string& root);

}  // namespace memtiers
