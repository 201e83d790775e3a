// Files whose space is reserved before it is mapped, so that a full disk is an error and never a
// SIGBUS.
//
// Thread-safe as the system calls are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/status.h"
#include "sys/unique_fd.h"

namespace memtiers {

// Opens a new, empty file without a name: it vanishes with its last descriptor and mapping, however
// the process ends. kUnavailable: no such directory.
Result<UniqueFd> OpenUnnamedFile(const std::string& directory);

// Opens an existing file or device for reading and writing.
Result<UniqueFd> OpenExisting(const std::string& path);

// Opens a regular file for reading and writing, and makes it, for its owner only, where there is
// none. kUnavailable: it is something else, e.g. a block device.
Result<UniqueFd> OpenOrCreate(const std::string& path);

// Gives a range of the file its blocks; the file grows when needed, contents stay. New blocks read
// as zero. Where the file system cannot (NFSv3, some FUSE), only a part beyond the file's end gets
// them, and all between the end and it. kFull: no room on the disk, in the quota or under
// RLIMIT_FSIZE.
Status AllocateRange(int fd, uint64_t offset, uint64_t bytes);

// Gives the blocks of a range back; it reads as zero afterwards. kUnavailable: not on this file
// system.
Status PunchHole(int fd, uint64_t offset, uint64_t bytes);

// Writes bytes that others may be changing meanwhile. kFull: no room on the disk, in the quota or
// under RLIMIT_FSIZE. kLost: some of the memory to be written is lost.
Status WriteAt(int fd, uint64_t offset, std::span<const std::byte> bytes);

// Overwrites a range with zeroes by writing.
Status WriteZeroes(int fd, uint64_t offset, uint64_t bytes);

// Takes the file's exclusive lock for as long as it stays open. kBusy: somebody else has it.
Status LockExclusive(int fd, const std::string& what);

}  // namespace memtiers
