#include "sys/dax_device.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <string_view>

#include "sys/backing_file.h"
#include "sys/text_file.h"

namespace memtiers {
namespace {

// 0 when there is no such attribute.
uint64_t ReadNumber(const std::string& path) {
  const Result<std::string> text = ReadTextFile(path);
  return text.ok() ? std::strtoull(text.value().c_str(), nullptr, 0) : 0;
}

bool StartsWithAndNumber(const std::string& component, std::string_view name) {
  return component.starts_with(name) && component.size() > name.size() &&
         std::isdigit(static_cast<unsigned char>(component[name.size()])) != 0;
}

}  // namespace

bool IsCharacterDevice(const std::string& path) {
  struct stat info{};
  return stat(path.c_str(), &info) == 0 && S_ISCHR(info.st_mode);
}

// Persistent memory hangs below the bus of the kernel's nvdimm subsystem, also that behind CXL:
//   .../ACPI0012:00/ndbus0/region1/dax1.1/dax1.0
//   .../virtio2/ndbus0/region0/dax0.1/dax0.0
// A region's type is nd_pmem or nd_volatile (Linux: drivers/nvdimm/region_devs.c).
bool IsPersistentMemory(const std::string& device) {
  bool below_bus = false;
  for (size_t begin = 0; begin < device.size();) {
    const size_t end = std::min(device.find('/', begin), device.size());
    const std::string component = device.substr(begin, end - begin);
    if (StartsWithAndNumber(component, "virtio")) return false;
    if (below_bus && StartsWithAndNumber(component, "region")) {
      const Result<std::string> type = ReadTextFile(device.substr(0, end) + "/devtype");
      return type.ok() && type.value().starts_with("nd_pmem");
    }
    if (StartsWithAndNumber(component, "ndbus")) below_bus = true;
    begin = end + 1;
  }
  return false;
}

namespace {

Result<LockedDaxDevice> OpenUnlocked(const std::string& path) {
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
  char resolved[PATH_MAX];
  device.persistent =
      realpath(attributes.c_str(), resolved) != nullptr && IsPersistentMemory(resolved);
  device.fd = std::move(fd.value());
  return device;
}

}  // namespace

Result<LockedDaxDevice> OpenDaxDevice(const std::string& path) {
  Result<LockedDaxDevice> device = OpenUnlocked(path);
  if (!device.ok()) return device;
  const Status locked = LockExclusive(device.value().fd.get(), path);
  if (!locked.ok()) return locked;
  return device;
}

Result<LockedDaxDevice> OpenSharedDaxDevice(const std::string& path) {
  Result<LockedDaxDevice> device = OpenUnlocked(path);
  if (!device.ok()) return device;
  if (flock(device.value().fd.get(), LOCK_SH | LOCK_NB) == 0) return device;
  return Status::FromErrno(errno == EWOULDBLOCK ? EBUSY : errno, "flock", path);
}

}  // namespace memtiers
