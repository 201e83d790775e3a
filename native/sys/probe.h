// What the kernel, or a container's filter in front of it, lets this process do about memory
// placement.
//
// Thread-safe; nothing the process can see is changed: calls are made on a scratch page, or with
// arguments the kernel rejects after the filter has let them through. A few microseconds.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/status.h"

namespace memtiers {

// errno of each call; 0 means permitted.
struct Permissions {
  int mbind = 0;
  int move_pages = 0;
  int set_mempolicy = 0;
  int get_mempolicy = 0;
};

Permissions ProbePermissions();

// Nodes that the calling thread's own memory policy binds it to (numactl --membind); empty when it
// binds to none or the kernel does not say.
std::vector<int> PolicyBoundNodes();

// As uname -r; "" when the kernel does not say.
std::string KernelRelease();

size_t PageBytes();

}  // namespace memtiers
