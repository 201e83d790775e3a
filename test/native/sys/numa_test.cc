#include "sys/numa.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <vector>

#include "base/bytes.h"
#include "sys/available_memory.h"
#include "sys/mapping.h"
#include "sys/probe.h"

namespace memtiers {

TEST_CASE("pages of a touched range lie on node 0 and those of an untouched one nowhere") {
  if (ProbePermissions().move_pages != 0) return;
  std::byte* base = ReserveAddressSpace(2 * kChunkBytes, kChunkBytes).value();
  REQUIRE(MapAnonymous(base, 2 * kChunkBytes).ok());
  std::memset(base, 1, PageBytes());
  std::vector<std::byte*> pages = {base, base + kChunkBytes};
  std::vector<int> status(2, INT_MIN);
  REQUIRE(QueryPages(pages, status).ok());
  CHECK(status[0] >= 0);
  CHECK(status[1] == -ENOENT);
  ReleaseAddressSpace(base, 2 * kChunkBytes);
}

TEST_CASE("moving to a node that is not there is refused and touches no status") {
  if (ProbePermissions().move_pages != 0) return;
  std::byte* base = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
  REQUIRE(MapAnonymous(base, kChunkBytes).ok());
  REQUIRE(PopulateWrite(base, kChunkBytes).ok());
  std::vector<std::byte*> pages = {base};
  std::vector<int> status(1, INT_MIN);
  const Status moved = MovePages(pages, 900, status);
  CHECK_FALSE(moved.ok());
  CHECK(status[0] == INT_MIN);
  ReleaseAddressSpace(base, kChunkBytes);
}

TEST_CASE("a policy for a node that is not there is refused") {
  std::byte* base = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
  CHECK_FALSE(PreferNode(base, kChunkBytes, 900).ok());
  ReleaseAddressSpace(base, kChunkBytes);
}

TEST_CASE("a node has at most its total available and an absent one is unavailable") {
  const Result<AvailableMemory> node = AvailableOnNode(0);
  if (node.ok()) {
    CHECK(node.value().available_bytes > 0);
    CHECK(node.value().available_bytes <= node.value().total_bytes);
  }
  CHECK(AvailableOnNode(900).status().code() == Code::kUnavailable);
  const Result<AvailableMemory> machine = AvailableOnMachine();
  REQUIRE(machine.ok());
  CHECK(machine.value().available_bytes > 0);
  CHECK(machine.value().available_bytes <= machine.value().total_bytes);
}

}  // namespace memtiers
