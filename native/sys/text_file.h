// Small text files, directories and links of /sys and /proc, as values.
//
// Thread-safe. A failure keeps the errno and names the path; nothing is cached.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace memtiers {

// The whole file, which may grow while it is read and whose size stat() need not know, as in /proc.
// kFull: it is longer than 16 MiB and so not one of these.
Result<std::string> ReadTextFile(const std::string& path);

// Writes all of `text` with one call to a file that is there, as the control files of /sys want it.
// May wait for the kernel to do what it is told.
Status WriteTextFile(const std::string& path, const std::string& text);

// Names in a directory in byte order, without "." and "..".
Result<std::vector<std::string>> ListDirectory(const std::string& path);

// The path with every symbolic link followed.
Result<std::string> ResolvePath(const std::string& path);

// What the link itself says.
Result<std::string> ReadLink(const std::string& path);

bool PathExists(const std::string& path);
bool IsDirectory(const std::string& path);

// Bytes an unprivileged process may still write to the file system that holds `path`.
Result<uint64_t> FreeDiskBytes(const std::string& path);

}  // namespace memtiers
