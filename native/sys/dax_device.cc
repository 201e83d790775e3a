#include "sys/dax_device.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <climits>
#include <cstdlib>

#include "sys/backing_file.h"
#include "sys/text_file.h"

namespace memtiers {
namespace {

// 0 when there is no such attribute.
uint64_t ReadNumber(const std::string& path) {
  const Result<std::string> text = ReadTextFile(path);
  return text.ok() ? std::strtoull(text.value().c_str(), nullptr, 0) : 0;
}

// Devices of persistent memory hang below the bus of the kernel's nvdimm subsystem, also those
// behind CXL.
bool HangsBelowNvdimmBus(const std::string& path) {
  char resolved[PATH_MAX];
  return realpath(path.c_str(), resolved) != nullptr &&
         std::string(resolved).find("/ndbus") != std::string::npos;
}

}  // namespace

bool IsCharacterDevice(const std::string& path) {
  struct stat info{};
  return stat(path.c_str(), &info) == 0 && S_ISCHR(info.st_mode);
}

Result<LockedDaxDevice> OpenDaxDevice(const std::string& path) {
  Result<UniqueFd> fd = OpenExisting(path);
  if (!fd.ok()) return fd.status();
  struct stat info{};
  if (fstat(fd.value().get(), &info) != 0) return Status::FromErrno(errno, "fstat", path);
  if (!S_ISCHR(info.st_mode))
    return Status(Code::kUnavailable, path + " is not a character device");
  // Only dax devices have both attributes; other character devices have neither.
  const std::string attributes = "/sys/dev/char/" + std::to_string(major(info.st_rdev)) + ":" +
                                 std::to_string(minor(info.st_rdev)) + "/";
  LockedDaxDevice device;
  device.size_bytes = ReadNumber(attributes + "size");
  device.align_bytes = ReadNumber(attributes + "align");
  if (device.size_bytes == 0 || device.align_bytes == 0) {
    return Status(Code::kUnavailable, path + " is not a devdax device");
  }
  device.persistent = HangsBelowNvdimmBus(attributes);
  const Status locked = LockExclusive(fd.value().get(), path);
  if (!locked.ok()) return locked;
  device.fd = std::move(fd.value());
  return device;
}

}  // namespace memtiers
