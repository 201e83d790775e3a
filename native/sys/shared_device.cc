#include "sys/shared_device.h"

#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "sys/backing_file.h"
#include "sys/dax_device.h"

namespace memtiers {
namespace {

constexpr int64_t kHugetlbfsMagic = 0x958458f6;  // statfs(2)

Status NoDevice(const std::string& path) {
  return Status(Code::kUnavailable, path + " is neither a regular file nor a devdax device");
}

Result<SharedDevice> Describe(UniqueFd fd, const std::string& path) {
  struct stat info{};
  if (fstat(fd.get(), &info) != 0) return Status::FromErrno(errno, "fstat", path);
  if (!S_ISREG(info.st_mode)) return NoDevice(path);
  struct statfs system{};
  if (fstatfs(fd.get(), &system) != 0) return Status::FromErrno(errno, "fstatfs", path);
  SharedDevice device;
  device.bytes = static_cast<uint64_t>(info.st_size);
  device.align_bytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  if (static_cast<int64_t>(system.f_type) == kHugetlbfsMagic) {
    device.align_bytes = static_cast<uint64_t>(system.f_bsize);
  }
  device.fd = std::move(fd);
  return device;
}

Result<SharedDevice> OpenDevice(const std::string& path) {
  Result<LockedDaxDevice> dax = OpenSharedDaxDevice(path);
  if (!dax.ok()) return dax.status();
  return SharedDevice{.fd = std::move(dax.value().fd),
                      .bytes = dax.value().size_bytes,
                      .align_bytes = dax.value().align_bytes,
                      .character_device = true};
}

}  // namespace

Result<SharedDevice> OpenSharedDevice(const std::string& path) {
  if (IsCharacterDevice(path)) return OpenDevice(path);
  Result<UniqueFd> fd = OpenExisting(path);
  if (!fd.ok() && fd.status().error() == EISDIR) return NoDevice(path);
  if (!fd.ok()) return fd.status();
  return Describe(std::move(fd.value()), path);
}

Result<SharedDevice> OpenOrCreateShared(const std::string& path) {
  if (IsCharacterDevice(path)) return OpenDevice(path);
  Result<UniqueFd> fd = OpenOrCreate(path);
  if (!fd.ok() && fd.status().error() == EISDIR) return NoDevice(path);
  if (!fd.ok()) return fd.status();
  return Describe(std::move(fd.value()), path);
}

Status GrowShared(SharedDevice& file, uint64_t bytes) {
  Status allocated = AllocateRange(file.fd.get(), 0, bytes);
  if (allocated.ok()) {
    file.bytes = file.bytes > bytes ? file.bytes : bytes;
    return {};
  }
  // What a failed fallocate has grown would look like a pool that is cut off.
  if (ftruncate(file.fd.get(), static_cast<off_t>(file.bytes)) != 0) {
    return Status::FromErrno(errno, "ftruncate", allocated.what());
  }
  return allocated;
}

}  // namespace memtiers
