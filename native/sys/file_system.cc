#include "sys/file_system.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <cerrno>

namespace memtiers {
namespace {

FileSystemState StateOf(const struct statfs& info) {
  // The type is signed and of different widths: statfs(2).
  const auto type = static_cast<uint32_t>(info.f_type);
  return {.in_memory = type == TMPFS_MAGIC || type == RAMFS_MAGIC || type == HUGETLBFS_MAGIC,
          .free_bytes = static_cast<uint64_t>(info.f_bavail) * static_cast<uint64_t>(info.f_bsize)};
}

}  // namespace

Result<FileSystemState> InspectFileSystem(int fd) {
  struct statfs info{};
  if (fstatfs(fd, &info) != 0) return Status::FromErrno(errno, "fstatfs", "file");
  return StateOf(info);
}

Result<FileSystemState> InspectFileSystem(const std::string& path) {
  struct statfs info{};
  if (statfs(path.c_str(), &info) != 0) return Status::FromErrno(errno, "statfs", path);
  return StateOf(info);
}

bool OutlivesPower(int fd) {
  const Result<FileSystemState> state = InspectFileSystem(fd);
  return state.ok() && !state.value().in_memory;
}

bool OutlivesPower(const std::string& path) {
  const Result<FileSystemState> state = InspectFileSystem(path);
  return state.ok() && !state.value().in_memory;
}

}  // namespace memtiers
