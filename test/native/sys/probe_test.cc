#include "sys/probe.h"

#include <doctest/doctest.h>
#include <linux/mempolicy.h>
#include <numaif.h>

#include <array>
#include <cerrno>

namespace memtiers {

TEST_CASE("probing leaves the thread's memory policy as it was") {
  const Permissions permissions = ProbePermissions();
  if (permissions.get_mempolicy != 0 || permissions.set_mempolicy != 0) {
    WARN_MESSAGE(false, "memory policies are refused here; nothing to compare");
    return;
  }
  REQUIRE(set_mempolicy(MPOL_LOCAL, nullptr, 0) == 0);
  CHECK(ProbePermissions().set_mempolicy == 0);
  int mode = -1;
  REQUIRE(get_mempolicy(&mode, nullptr, 0, nullptr, 0) == 0);
  CHECK(mode == MPOL_LOCAL);
  REQUIRE(set_mempolicy(MPOL_DEFAULT, nullptr, 0) == 0);
}

TEST_CASE("a refusal is EPERM, EACCES or ENOSYS and never an artefact of the probe") {
  const Permissions permissions = ProbePermissions();
  for (const int error : {permissions.mbind, permissions.move_pages, permissions.set_mempolicy,
                          permissions.get_mempolicy}) {
    CHECK((error == 0 || error == EPERM || error == EACCES || error == ENOSYS));
  }
}

TEST_CASE("a thread bound to a node reports it") {
  std::array<unsigned long, 16> mask{1};
  if (set_mempolicy(MPOL_BIND, mask.data(), 1024) != 0) {
    WARN_MESSAGE(false, "binding is refused here");
    return;
  }
  CHECK(PolicyBoundNodes() == std::vector<int>{0});
  REQUIRE(set_mempolicy(MPOL_DEFAULT, nullptr, 0) == 0);
  CHECK(PolicyBoundNodes().empty());
}

TEST_CASE("the kernel has a release and a page size") {
  CHECK_FALSE(KernelRelease().empty());
  CHECK(PageBytes() >= 4096);
}

}  // namespace memtiers
