#include "sys/dax_device.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "sys/backing_file.h"

namespace memtiers {
namespace {

uint64_t ReadNumber(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return 0;
  char text[32] = {};
  const bool read = std::fgets(text, sizeof text, file) != nullptr;
  (void)std::fclose(file);
  return read ? std::strtoull(text, nullptr, 0) : 0;
}

}  // namespace

Result<DaxDevice> OpenDaxDevice(const std::string& path) {
  Result<UniqueFd> fd = OpenExisting(path);
  if (!fd.ok()) return fd.status();
  struct stat info{};
  if (fstat(fd.value().get(), &info) != 0) return Status::FromErrno(errno, "fstat", path);
  if (!S_ISCHR(info.st_mode))
    return Status(Code::kUnavailable, path + " is not a character device");
  // Only dax devices have both attributes; other character devices have neither.
  const std::string attributes = "/sys/dev/char/" + std::to_string(major(info.st_rdev)) + ":" +
                                 std::to_string(minor(info.st_rdev)) + "/";
  DaxDevice device;
  device.size_bytes = ReadNumber(attributes + "size");
  device.align_bytes = ReadNumber(attributes + "align");
  if (device.size_bytes == 0 || device.align_bytes == 0) {
    return Status(Code::kUnavailable, path + " is not a devdax device");
  }
  const Status locked = LockExclusive(fd.value().get(), path);
  if (!locked.ok()) return locked;
  device.fd = std::move(fd.value());
  return device;
}

}  // namespace memtiers
