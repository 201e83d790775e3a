// A devdax character device: persistent or CXL memory mapped without a file system.
//
// A device knows no ftruncate, pread or fallocate; its size is in sysfs, and mappings come in
// multiples of its alignment. Only open descriptors of the same device node exclude each other by
// flock.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "sys/unique_fd.h"

namespace memtiers {

struct LockedDaxDevice {
  UniqueFd fd;
  uint64_t size_bytes = 0;
  uint64_t align_bytes = 0;
  // Keeps its contents without power once the CPU's caches are written back, as far as the kernel
  // knows.
  bool persistent = false;
};

// Whether a path names a character device, as devdax devices are.
bool IsCharacterDevice(const std::string& path);

// Whether a device is persistent memory, by where it hangs in sysfs; `device` is the path of its
// folder without links. Volatile regions of an NVDIMM are not, nor is the host's file behind
// virtio-pmem: that only the guest's kernel can flush.
bool IsPersistentMemory(const std::string& device);

// Opens and locks a device. kUnavailable: not a devdax device. kBusy: in use by somebody else.
Result<LockedDaxDevice> OpenDaxDevice(const std::string& path);

// The same with a lock that others who share it may have too; who wants it to himself is refused,
// and refuses us.
Result<LockedDaxDevice> OpenSharedDaxDevice(const std::string& path);

}  // namespace memtiers
