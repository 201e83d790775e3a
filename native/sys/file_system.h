// What the file system behind a file or directory is good for.
//
// Thread-safe; one system call each.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace memtiers {

struct FileSystemState {
  // Lives in memory (tmpfs, ramfs, hugetlbfs): nothing on it outlives the power. One that only
  // looks like a disk, such as a RAM disk, is not told apart.
  bool in_memory = false;
  // What an unprivileged process may still write; quotas do not show.
  uint64_t free_bytes = 0;
};

Result<FileSystemState> InspectFileSystem(int fd);
Result<FileSystemState> InspectFileSystem(const std::string& path);

// Whether what is written to an open file can outlive the power. False as well when nobody knows.
bool OutlivesPower(int fd);
bool OutlivesPower(const std::string& path);

}  // namespace memtiers
