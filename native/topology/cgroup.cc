#include "topology/cgroup.h"

#include <algorithm>

namespace memtiers {

namespace {

// cgroup v1 says "no limit" with the largest multiple of a page that fits in 63 bits.
constexpr uint64_t kNoLimitBytes = uint64_t{1} << 60;

// Names of the files of one cgroup version.
struct Files {
  const char* limit;
  const char* used;
  const char* inactive_file;  // key in memory.stat
};
constexpr Files kV1 = {.limit = "memory.limit_in_bytes",
                       .used = "memory.usage_in_bytes",
                       .inactive_file = "total_inactive_file"};
constexpr Files kV2 = {
    .limit = "memory.max", .used = "memory.current", .inactive_file = "inactive_file"};

// Where a hierarchy is mounted and what part of it is.
struct Hierarchy {
  std::string mount;
  std::string root;
};

bool HasWord(std::string_view list, std::string_view word) {
  for (std::string_view each : Split(list, ',')) {
    if (each == word) return true;
  }
  return false;
}

std::optional<Hierarchy> FindHierarchy(std::string_view mountinfo, bool v2) {
  for (std::string_view line : Split(mountinfo, '\n')) {
    const auto mount = ParseMountLine(line);
    if (!mount || mount->fs_type != (v2 ? "cgroup2" : "cgroup")) continue;
    if (!v2 && !HasWord(mount->super_options, "memory")) continue;
    return Hierarchy{.mount = UnescapeOctal(mount->path), .root = UnescapeOctal(mount->root)};
  }
  return std::nullopt;
}

// The process's path in the hierarchy; "0::/path" in version 2, "4:memory:/path" in version 1.
std::optional<std::string> FindPath(std::string_view cgroup, bool v2) {
  for (std::string_view line : Split(cgroup, '\n')) {
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    if (v2 ? controllers.empty() : HasWord(controllers, "memory")) {
      return std::string(line.substr(second + 1));
    }
  }
  return std::nullopt;
}

std::optional<uint64_t> ParseLimit(std::string_view text) {
  if (Trim(text) == "max") return UINT64_MAX;
  return ParseUint(text);
}

void ReadLevel(TreeReader& reader, const std::string& directory, const Files& files,
               std::optional<MemoryLimit>& tightest) {
  const auto limit = reader.OptionalAs(directory + "/" + files.limit, ParseLimit);
  if (!limit || *limit >= kNoLimitBytes) return;
  uint64_t used = reader.OptionalAs(directory + "/" + files.used, ParseUint).value_or(0);
  if (const auto stat = reader.Optional(directory + "/memory.stat")) {
    const auto field = FindField(*stat, files.inactive_file);
    const uint64_t inactive = field ? ParseUint(*field).value_or(0) : 0;
    used -= std::min(used, inactive);
  }
  const uint64_t left = *limit - std::min(used, *limit);
  if (!tightest ||
      left < tightest->limit_bytes - std::min(tightest->used_bytes, tightest->limit_bytes)) {
    tightest = MemoryLimit{.limit_bytes = *limit, .used_bytes = used};
  }
}

void ReadHierarchy(TreeReader& reader, std::string_view cgroup, std::string_view mountinfo, bool v2,
                   std::optional<MemoryLimit>& tightest) {
  const auto hierarchy = FindHierarchy(mountinfo, v2);
  auto path = FindPath(cgroup, v2);
  if (!hierarchy || !path) return;
  // A container that sees the host's cgroup paths has only its own part of the tree mounted.
  if (hierarchy->root != "/") {
    const bool below = path->starts_with(hierarchy->root);
    path = below ? path->substr(hierarchy->root.size()) : "";
  }
  const Files& files = v2 ? kV2 : kV1;
  std::string relative = *path == "/" ? "" : *path;
  for (;;) {
    ReadLevel(reader, hierarchy->mount + relative, files, tightest);
    if (relative.empty()) return;
    relative = ParentPath(relative);
  }
}

}  // namespace

std::optional<MemoryLimit> ScanMemoryLimit(TreeReader& reader) {
  std::optional<MemoryLimit> tightest;
  const auto cgroup = reader.Optional("/proc/self/cgroup");
  const auto mountinfo = reader.Optional("/proc/self/mountinfo");
  if (!cgroup || !mountinfo) return tightest;
  for (const bool v2 : {true, false}) ReadHierarchy(reader, *cgroup, *mountinfo, v2, tightest);
  return tightest;
}

}  // namespace memtiers
