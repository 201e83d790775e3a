#include "sys/hole_puncher.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "base/bytes.h"
#include "refusing_kernel.h"
#include "sys/backing_file.h"

namespace memtiers {
namespace {

constexpr int kHoles = 64;

uint64_t AllocatedBytes(int fd) {
  struct stat info{};
  fstat(fd, &info);
  return static_cast<uint64_t>(info.st_blocks) * 512;
}

}  // namespace

TEST_CASE("holes are punched on another thread, and whoever waits finds all of them") {
  const UniqueFd fd = std::move(OpenUnnamedFile("/var/tmp").value());
  HolePuncher& puncher = HolePuncher::Get();
  for (int round = 0; round < 3; ++round) {
    REQUIRE(AllocateRange(fd.get(), 0, kHoles * kMiB).ok());
    std::atomic<int> punched = 0;
    std::atomic<int> here = 0;
    const std::thread::id self = std::this_thread::get_id();
    for (int i = 0; i < kHoles; ++i) {
      puncher.Punch(&fd, fd.get(), i * kMiB, kMiB, [&](bool ok) {
        punched += ok ? 1 : 0;
        here += std::this_thread::get_id() == self ? 1 : 0;
      });
    }
    puncher.Finish();
    CHECK(punched == kHoles);
    CHECK(here == 0);
    CHECK(AllocatedBytes(fd.get()) < kMiB);
  }
}

TEST_CASE("a hole that cannot be punched is said to be none") {
  HolePuncher& puncher = HolePuncher::Get();
  std::atomic<int> refused = 0;
  puncher.Punch(&puncher, -1, 0, kMiB, [&](bool ok) { refused += ok ? 0 : 1; });
  puncher.Finish();
  CHECK(refused == 1);
}

TEST_CASE("of an owner that is forgotten nothing is done any more, of others everything") {
  const UniqueFd fd = std::move(OpenUnnamedFile("/var/tmp").value());
  REQUIRE(AllocateRange(fd.get(), 0, 2 * kHoles * kMiB).ok());
  HolePuncher& puncher = HolePuncher::Get();
  const int gone = 0;
  std::atomic<bool> forgotten = false;
  std::atomic<int> late = 0;
  std::atomic<int> others = 0;
  for (int i = 0; i < kHoles; ++i) {
    puncher.Punch(&gone, fd.get(), 2 * i * kMiB, kMiB, [&](bool) { late += forgotten ? 1 : 0; });
    puncher.Punch(&fd, fd.get(), (2 * i + 1) * kMiB, kMiB, [&](bool) { ++others; });
  }
  puncher.Forget(&gone);
  forgotten = true;
  puncher.Finish();
  CHECK(late == 0);
  CHECK(others == kHoles);
}

TEST_CASE("a process that may not have another thread punches its holes itself") {
  CHECK(WithSyscallRefused({.syscall_number = SYS_clone3, .error = EAGAIN}, [] {
    const UniqueFd fd = std::move(OpenUnnamedFile("/var/tmp").value());
    if (!AllocateRange(fd.get(), 0, kMiB).ok()) return false;
    int punched = 0;
    for (int i = 0; i < 2; ++i) {
      HolePuncher::Get().Punch(&fd, fd.get(), 0, kMiB, [&](bool ok) { punched += ok ? 1 : 0; });
    }
    HolePuncher::Get().Finish();
    return punched == 2 && AllocatedBytes(fd.get()) < kMiB;
  }));
}

}  // namespace memtiers
