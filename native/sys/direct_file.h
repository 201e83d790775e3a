// A file past the page cache, for measuring what lies below it.
//
// One thread at a time. Offsets, sizes and buffers are multiples of kDirectAlignment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"
#include "sys/unique_fd.h"

namespace memtiers {

// Enough for every logical block size in use (512 or 4096).
inline constexpr size_t kDirectAlignment = 4096;

// Opens a new, empty file without a name in `directory` for direct I/O. kUnavailable: the directory
// is not there, or its file system has no direct I/O.
Result<UniqueFd> OpenUnnamedDirectFile(const std::string& directory);

// Transfers exactly `bytes`; less is kIo.
Status WriteDirect(int fd, const void* data, size_t bytes, uint64_t offset);
Status ReadDirect(int fd, void* data, size_t bytes, uint64_t offset);

// Waits until the drive has what was written.
Status FlushDirect(int fd);

}  // namespace memtiers
