#include "sys/backing_file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/bytes.h"
#include "full_disk.h"
#include "refusing_kernel.h"

namespace memtiers {
namespace {

uint64_t AllocatedBytes(int fd) {
  struct stat info{};
  fstat(fd, &info);
  return static_cast<uint64_t>(info.st_blocks) * 512;
}

}  // namespace

TEST_CASE("an unnamed file leaves nothing in its directory") {
  const FullDisk disk(kMiB);
  const UniqueFd fd = std::move(OpenUnnamedFile(disk.path()).value());
  CHECK(AllocateRange(fd.get(), 0, 64 * kKiB).ok());
  CHECK(std::filesystem::is_empty(disk.path()));
}

TEST_CASE("a file in a directory that is not there is unavailable") {
  CHECK(OpenUnnamedFile("/no/such/directory").status().code() == Code::kUnavailable);
  CHECK(OpenExisting("/no/such/file").status().code() == Code::kUnavailable);
}

TEST_CASE("what is not a regular file is unavailable where a file is to be opened or made") {
  char folder[] = "/tmp/memtiers-pipe-XXXXXX";
  const std::string path = std::string(mkdtemp(folder)) + "/pipe";
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  const Status status = OpenOrCreate(path).status();
  CHECK(status.code() == Code::kUnavailable);
  CHECK(status.what().find("not a regular file") != std::string::npos);
  std::filesystem::remove_all(folder);
}

TEST_CASE("a block device is no file, and the error says what to do with it") {
  std::string path;
  for (const auto& entry : std::filesystem::directory_iterator("/dev")) {
    if (entry.is_block_file() && OpenExisting(entry.path()).ok()) path = entry.path();
  }
  if (path.empty()) return;  // there is none, or none for this user
  const Status status = OpenOrCreate(path).status();
  CHECK(status.code() == Code::kUnavailable);
  CHECK(status.what().find("devdax") != std::string::npos);
}

TEST_CASE("a range has its blocks after allocation and none after a hole is punched") {
  const UniqueFd fd = std::move(OpenUnnamedFile("/tmp").value());
  REQUIRE(AllocateRange(fd.get(), 0, kChunkBytes).ok());
  CHECK(AllocatedBytes(fd.get()) >= kChunkBytes);
  const char byte = 1;
  REQUIRE(pwrite(fd.get(), &byte, 1, 100) == 1);
  REQUIRE(PunchHole(fd.get(), 0, kChunkBytes).ok());
  CHECK(AllocatedBytes(fd.get()) < kChunkBytes);
  char read = 1;
  REQUIRE(pread(fd.get(), &read, 1, 100) == 1);
  CHECK(read == 0);
}

TEST_CASE("where blocks cannot be allocated they are written") {
  CHECK(WithSyscallRefused({.syscall_number = SYS_fallocate, .error = EOPNOTSUPP}, [] {
    const UniqueFd fd = std::move(OpenUnnamedFile("/tmp").value());
    return AllocateRange(fd.get(), 0, kChunkBytes).ok() && AllocatedBytes(fd.get()) >= kChunkBytes;
  }));
}

TEST_CASE("where blocks cannot be allocated a file's contents stay and what is new has no holes") {
  CHECK(WithSyscallRefused({.syscall_number = SYS_fallocate, .error = EOPNOTSUPP}, [] {
    const UniqueFd fd = std::move(OpenUnnamedFile("/tmp").value());
    const char byte = 1;
    if (pwrite(fd.get(), &byte, 1, 100) != 1) return false;
    // Beyond the end: what lies between gets its blocks, too.
    if (!AllocateRange(fd.get(), kChunkBytes, kChunkBytes).ok()) return false;
    if (AllocatedBytes(fd.get()) < 2 * kChunkBytes) return false;
    if (pwrite(fd.get(), &byte, 1, kChunkBytes) != 1) return false;
    if (!AllocateRange(fd.get(), 0, 2 * kChunkBytes).ok()) return false;
    char read[2] = {};
    return pread(fd.get(), &read[0], 1, 100) == 1 &&
           pread(fd.get(), &read[1], 1, kChunkBytes) == 1 && read[0] == 1 && read[1] == 1;
  }));
}

TEST_CASE("a full disk is an error of the allocation") {
  const FullDisk disk(kMiB);
  if (!disk.mounted()) return;
  const UniqueFd fd = std::move(OpenUnnamedFile(disk.path()).value());
  const Status status = AllocateRange(fd.get(), 0, 2 * kMiB);
  CHECK(status.code() == Code::kFull);
  CHECK(status.error() == ENOSPC);
}

TEST_CASE("a file size limit is an error and not a signal") {
  const UniqueFd fd = std::move(OpenUnnamedFile("/tmp").value());
  const FileSizeLimit limit(kMiB);
  CHECK(AllocateRange(fd.get(), 0, 2 * kMiB).code() == Code::kFull);
  CHECK(WriteZeroes(fd.get(), 0, 2 * kMiB).code() == Code::kFull);
}

TEST_CASE("only one descriptor holds an exclusive lock") {
  char path[] = "/tmp/memtiers-lock-XXXXXX";
  const UniqueFd created(mkstemp(path));
  {
    const UniqueFd first = std::move(OpenExisting(path).value());
    const UniqueFd second = std::move(OpenExisting(path).value());
    CHECK(LockExclusive(first.get(), path).ok());
    CHECK(LockExclusive(second.get(), path).code() == Code::kBusy);
  }
  const UniqueFd third = std::move(OpenExisting(path).value());
  CHECK(LockExclusive(third.get(), path).ok());
  unlink(path);
}

}  // namespace memtiers
