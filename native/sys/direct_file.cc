#include "sys/direct_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace memtiers {

namespace {

template <typename Call>
Status Transfer(const char* name, size_t bytes, Call call) {
  ssize_t done = 0;
  do {
    done = call();
  } while (done < 0 && errno == EINTR);
  if (done < 0) return Status::FromErrno(errno, name, "direct I/O");
  if (static_cast<size_t>(done) != bytes) return Status(Code::kIo, "short direct I/O");
  return {};
}

}  // namespace

Result<UniqueFd> OpenUnnamedDirectFile(const std::string& directory) {
  constexpr int kFlags = O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC;
  UniqueFd fd(open(directory.c_str(), kFlags, 0600));
  if (fd.valid()) return fd;
  // How open(2) says that the file system knows no O_DIRECT.
  if (errno == EINVAL)
    return Status(Code::kUnavailable, directory + " is on no drive: no direct I/O");
  return Status::FromErrno(errno, "open", directory);
}

Status WriteDirect(int fd, const void* data, size_t bytes, uint64_t offset) {
  return Transfer("pwrite", bytes,
                  [=] { return pwrite(fd, data, bytes, static_cast<off_t>(offset)); });
}

Status ReadDirect(int fd, void* data, size_t bytes, uint64_t offset) {
  return Transfer("pread", bytes,
                  [=] { return pread(fd, data, bytes, static_cast<off_t>(offset)); });
}

Status FlushDirect(int fd) {
  if (fdatasync(fd) != 0) return Status::FromErrno(errno, "fdatasync", "direct I/O");
  return {};
}

}  // namespace memtiers
