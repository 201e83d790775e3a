// What several processes map at once: a regular file (tmpfs, hugetlbfs, ext4, a memfd by
// /proc/self/fd) or a devdax device.
//
// Thread-safe as the system calls are.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "sys/unique_fd.h"

namespace memtiers {

struct SharedDevice {
  UniqueFd fd;
  uint64_t bytes = 0;
  uint64_t align_bytes = 0;  // of its mappings: a page, or a huge one
  // A devdax device: other hosts may have it too, and a file system knows nothing of it.
  bool character_device = false;
};

// Opens an existing one. A device's lock is shared, so that it is refused (kBusy) while a tier has
// it to itself. kUnavailable: something else, e.g. a directory or a block device.
Result<SharedDevice> OpenSharedDevice(const std::string& path);

// Opens a regular file and makes it where there is none, or opens a device.
Result<SharedDevice> OpenOrCreateShared(const std::string& path);

// Gives a regular file all the blocks of `bytes`, so that no store to it can fail. It grows and
// never shrinks; what it had stays when that fails. kFull: no room.
Status GrowShared(SharedDevice& file, uint64_t bytes);

}  // namespace memtiers
