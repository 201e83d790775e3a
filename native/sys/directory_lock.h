// A lock on a directory among processes that know of each other's custom, e.g. for an interface of
// the kernel that has one configuration for all.
//
// Any thread. Held by the descriptor, so the kernel lets go of it however the process ends.
#pragma once

#include <string>

#include "base/status.h"
#include "sys/unique_fd.h"

namespace memtiers {

// Locks the directory until the descriptor is closed. kBusy: it is locked, by this process even.
Result<UniqueFd> LockDirectory(const std::string& path);

}  // namespace memtiers
