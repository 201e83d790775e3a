#include "sys/file_system.h"

#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/bytes.h"
#include "full_disk.h"
#include "lossy_file.h"
#include "refusing_kernel.h"
#include "sys/backing_file.h"

namespace memtiers {

TEST_CASE("a file in memory does not outlive the power, one on a disk does") {
  const LossyFile memory(kMiB);
  CHECK(InspectFileSystem(memory.fd()).value().in_memory);
  CHECK_FALSE(OutlivesPower(memory.fd()));
  const UniqueFd disk = std::move(OpenUnnamedFile("/var/tmp").value());
  CHECK_FALSE(InspectFileSystem(disk.get()).value().in_memory);
  CHECK(OutlivesPower(disk.get()));
  CHECK(OutlivesPower("/var/tmp"));
}

TEST_CASE("a file system tells how much may still be written") {
  const FullDisk disk(kMiB);
  if (!disk.mounted()) return;
  CHECK(InspectFileSystem(disk.path()).value().free_bytes == kMiB);
  CHECK_FALSE(OutlivesPower(disk.path()));
  const UniqueFd file = std::move(OpenUnnamedFile(disk.path()).value());
  REQUIRE(WriteZeroes(file.get(), 0, 256 * kKiB).ok());
  CHECK(InspectFileSystem(file.get()).value().free_bytes == 768 * kKiB);
}

TEST_CASE("what the kernel does not tell is not promised") {
  CHECK_FALSE(OutlivesPower("/no/such/directory"));
  CHECK(InspectFileSystem("/no/such/directory").status().code() == Code::kUnavailable);
  CHECK(WithSyscallRefused({.syscall_number = SYS_fstatfs, .error = EPERM}, [] {
    const UniqueFd file = std::move(OpenUnnamedFile("/var/tmp").value());
    return InspectFileSystem(file.get()).status().code() == Code::kNoPermission &&
           !OutlivesPower(file.get());
  }));
}

}  // namespace memtiers
