#include "sys/available_memory.h"

#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "sys/text_file.h"

namespace memtiers {
namespace {

// Calls `visit(key, bytes)` for each "Key:   123 kB" line of a meminfo file; nodes prefix it "Node
// 0 ".
template <typename Visit>
Status ReadMeminfo(const std::string& path, Visit visit) {
  const Result<std::string> text = ReadTextFile(path);
  if (!text.ok()) return text.status();
  std::istringstream lines(text.value());
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const size_t space = line.rfind(' ', colon);
    const size_t key = space == std::string::npos ? 0 : space + 1;
    visit(std::string_view(line).substr(key, colon - key),
          std::strtoull(line.c_str() + colon + 1, nullptr, 10) * kKiB);
  }
  return {};
}

}  // namespace

Result<AvailableMemory> AvailableOnNode(int node) {
  AvailableMemory memory;
  const Status read =
      ReadMeminfo("/sys/devices/system/node/node" + std::to_string(node) + "/meminfo",
                  [&](std::string_view key, size_t bytes) {
                    if (key == "MemTotal") memory.total_bytes = bytes;
                    // Shared memory is no file cache, and is in neither of the (file) lists.
                    for (const std::string_view part :
                         {"MemFree", "Active(file)", "Inactive(file)", "SReclaimable"}) {
                      if (key == part) memory.available_bytes += bytes;
                    }
                  });
  if (!read.ok()) return read;
  return memory;
}

Result<AvailableMemory> AvailableOnMachine() {
  AvailableMemory memory;
  const Status read = ReadMeminfo("/proc/meminfo", [&](std::string_view key, size_t bytes) {
    if (key == "MemTotal") memory.total_bytes = bytes;
    if (key == "MemAvailable") memory.available_bytes = bytes;
  });
  if (!read.ok()) return read;
  return memory;
}

}  // namespace memtiers
