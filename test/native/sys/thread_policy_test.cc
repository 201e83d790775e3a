#include "sys/thread_policy.h"

#include <doctest/doctest.h>
#include <sys/syscall.h>

#include <cerrno>
#include <thread>

#include "refusing_kernel.h"
#include "sys/probe.h"

namespace memtiers {

TEST_CASE("a thread's preference for a node can be read, put back, and reaches threads it starts") {
  const Permissions permissions = ProbePermissions();
  if (permissions.get_mempolicy != 0 || permissions.set_mempolicy != 0) {
    WARN_MESSAGE(false, "memory policies are refused here");
    return;
  }
  std::thread([] {
    const ThreadPolicy before = GetThreadPolicy().value();
    REQUIRE(PreferNodeForThread(0).ok());
    const ThreadPolicy preferred = GetThreadPolicy().value();
    CHECK(preferred.mode != before.mode);
    CHECK(preferred.nodes == std::vector<int>{0});
    std::thread([] { CHECK(GetThreadPolicy().value().nodes == std::vector<int>{0}); }).join();
    REQUIRE(SetThreadPolicy(before).ok());
    CHECK(GetThreadPolicy().value().mode == before.mode);
    CHECK(GetThreadPolicy().value().nodes.empty());
  }).join();
}

TEST_CASE("a node that is not there is unavailable") {
  if (ProbePermissions().set_mempolicy != 0) return;
  CHECK(PreferNodeForThread(900).code() == Code::kUnavailable);
  CHECK(PreferNodeForThread(5000).code() == Code::kUnavailable);
}

TEST_CASE("a refused policy is an error with its errno") {
  CHECK(WithSyscallRefused({.syscall_number = SYS_set_mempolicy, .error = EPERM}, [] {
    const Status status = PreferNodeForThread(0);
    return status.code() == Code::kNoPermission && status.error() == EPERM;
  }));
}

}  // namespace memtiers
