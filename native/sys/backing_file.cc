#include "sys/backing_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace memtiers {
namespace {

std::string DescribeRange(uint64_t offset, uint64_t bytes) {
  return std::to_string(bytes / kKiB) + " KiB of file at offset " + std::to_string(offset);
}

// Growing a file beyond RLIMIT_FSIZE also raises SIGXFSZ, whose default action ends the process
// (setrlimit(2)); so the limit is read instead of hit.
bool BeyondFileSizeLimit(uint64_t end) {
  rlimit limit{};
  return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
         end > limit.rlim_cur;
}

const char* KindName(mode_t mode) {
  if (S_ISBLK(mode)) return "a block device: mount its file system, or make it a devdax device";
  return "not a regular file";
}

// Gives blocks to what lies beyond a file's end by writing it: from the end on, so that no hole is
// left behind. What the file has is never written.
Status ExtendByWriting(int fd, uint64_t end) {
  struct stat info{};
  if (fstat(fd, &info) != 0) return Status::FromErrno(errno, "fstat", DescribeRange(0, end));
  const auto size = static_cast<uint64_t>(info.st_size);
  if (size >= end) return {};
  return WriteZeroes(fd, size, end - size);
}

}  // namespace

Result<UniqueFd> OpenUnnamedFile(const std::string& directory) {
  UniqueFd unnamed(open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (unnamed.valid()) return unnamed;
  // Not every file system has O_TMPFILE, and kernels before 3.11 see a directory opened for
  // writing.
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) {
    return Status::FromErrno(errno, "open", directory);
  }
  std::string path = directory + "/.memory-tiers-XXXXXX";
  UniqueFd named(mkostemp(path.data(), O_CLOEXEC));
  if (!named.valid()) return Status::FromErrno(errno, "open", directory);
  if (unlink(path.c_str()) != 0) return Status::FromErrno(errno, "unlink", path);
  return named;
}

Result<UniqueFd> OpenExisting(const std::string& path) {
  UniqueFd file(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file.valid()) return Status::FromErrno(errno, "open", path);
  return file;
}

Result<UniqueFd> OpenOrCreate(const std::string& path) {
  UniqueFd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid()) return Status::FromErrno(errno, "open", path);
  struct stat info{};
  if (fstat(file.get(), &info) != 0) return Status::FromErrno(errno, "fstat", path);
  if (!S_ISREG(info.st_mode)) {
    return Status(Code::kUnavailable, path + " is " + KindName(info.st_mode));
  }
  return file;
}

Status AllocateRange(int fd, uint64_t offset, uint64_t bytes) {
  if (BeyondFileSizeLimit(offset + bytes)) {
    return Status::FromErrno(EFBIG, "fallocate", DescribeRange(offset, bytes));
  }
  while (fallocate(fd, 0, static_cast<off_t>(offset), static_cast<off_t>(bytes)) != 0) {
    if (errno == EINTR) continue;
    if (errno == EOPNOTSUPP) return ExtendByWriting(fd, offset + bytes);
    return Status::FromErrno(errno, "fallocate", DescribeRange(offset, bytes));
  }
  return {};
}

Status PunchHole(int fd, uint64_t offset, uint64_t bytes) {
  if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                static_cast<off_t>(bytes)) != 0) {
    return Status::FromErrno(errno, "fallocate", DescribeRange(offset, bytes));
  }
  return {};
}

Status WriteAt(int fd, uint64_t offset, std::span<const std::byte> bytes) {
  if (BeyondFileSizeLimit(offset + bytes.size())) {
    return Status::FromErrno(EFBIG, "pwrite", DescribeRange(offset, bytes.size()));
  }
  for (size_t done = 0; done < bytes.size();) {
    // Not by the library's function: to ThreadSanitizer that reads the bytes, which others write.
    const ssize_t written = syscall(SYS_pwrite64, fd, bytes.data() + done, bytes.size() - done,
                                    static_cast<off_t>(offset + done));
    if (written > 0) {
      done += static_cast<size_t>(written);
      continue;
    }
    const int error = written == 0 ? EIO : errno;
    if (error == EINTR) continue;
    std::string what = DescribeRange(offset, bytes.size());
    // Of mapped memory: the page is poisoned, or its file has ended before it.
    if (error == EFAULT) return Status::FromErrno(Code::kLost, error, "pwrite", std::move(what));
    return Status::FromErrno(error, "pwrite", std::move(what));
  }
  return {};
}

Status WriteZeroes(int fd, uint64_t offset, uint64_t bytes) {
  const std::vector<std::byte> zeroes(std::min<uint64_t>(bytes, 256 * kKiB));
  Status status;
  for (uint64_t done = 0; status.ok() && done < bytes; done += zeroes.size()) {
    const size_t part = std::min<uint64_t>(zeroes.size(), bytes - done);
    status = WriteAt(fd, offset + done, std::span(zeroes).first(part));
  }
  return status;
}

Status LockExclusive(int fd, const std::string& what) {
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return {};
  const int error = errno == EWOULDBLOCK ? EBUSY : errno;
  return Status::FromErrno(error, "flock", what);
}

}  // namespace memtiers
