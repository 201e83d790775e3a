#include "sys/available_memory.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/bytes.h"

namespace memtiers {
namespace {

// Calls `visit(key, bytes)` for each "Key:   123 kB" line of a meminfo file; nodes prefix it "Node
// 0 ".
template <typename Visit>
Status ReadMeminfo(const std::string& path, Visit visit) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return Status::FromErrno(errno, "open", path);
  char line[256];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    char* colon = std::strchr(line, ':');
    if (colon == nullptr) continue;
    *colon = '\0';
    const char* space = std::strrchr(line, ' ');
    visit(space == nullptr ? line : space + 1, std::strtoull(colon + 1, nullptr, 10) * kKiB);
  }
  (void)std::fclose(file);
  return {};
}

}  // namespace

Result<AvailableMemory> AvailableOnNode(int node) {
  AvailableMemory memory;
  const Status read = ReadMeminfo(
      "/sys/devices/system/node/node" + std::to_string(node) + "/meminfo",
      [&](const char* key, size_t bytes) {
        if (std::strcmp(key, "MemTotal") == 0) memory.total_bytes = bytes;
        // Shared memory is no file cache, and is in neither of the (file) lists.
        for (const char* part : {"MemFree", "Active(file)", "Inactive(file)", "SReclaimable"}) {
          if (std::strcmp(key, part) == 0) memory.available_bytes += bytes;
        }
      });
  if (!read.ok()) return read;
  return memory;
}

Result<AvailableMemory> AvailableOnMachine() {
  AvailableMemory memory;
  const Status read = ReadMeminfo("/proc/meminfo", [&](const char* key, size_t bytes) {
    if (std::strcmp(key, "MemTotal") == 0) memory.total_bytes = bytes;
    if (std::strcmp(key, "MemAvailable") == 0) memory.available_bytes = bytes;
  });
  if (!read.ok()) return read;
  return memory;
}

}  // namespace memtiers
