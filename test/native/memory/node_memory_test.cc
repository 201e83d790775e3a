#include "memory/node_memory.h"

#include <doctest/doctest.h>
#include <sys/syscall.h>

#include <cerrno>

#include "base/bytes.h"
#include "memory/page_placement.h"
#include "refusing_kernel.h"
#include "sys/available_memory.h"
#include "sys/mapping.h"
#include "sys/probe.h"

namespace memtiers {
namespace {

bool CanPlace() {
  const Permissions permissions = ProbePermissions();
  return permissions.mbind == 0 && permissions.move_pages == 0;
}

}  // namespace

TEST_CASE("a small run on a node is there at once and verified") {
  if (!CanPlace()) return;
  std::byte* base = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
  const Result<bool> verified = MapNodeMemory({.address = base, .bytes = kChunkBytes, .node = 0});
  REQUIRE(verified.ok());
  CHECK(verified.value());
  const PagePlacement placement = FindPlacement(base, kChunkBytes);
  CHECK(placement.error == 0);
  CHECK(placement.pages_by_node.at(0) == kChunkBytes / PageBytes());
  ReleaseAddressSpace(base, kChunkBytes);
}

TEST_CASE("a large run on a node is bound but populated when it is touched") {
  if (!CanPlace()) return;
  constexpr size_t kBytes = 16 * kMiB;
  std::byte* base = ReserveAddressSpace(kBytes, kChunkBytes).value();
  REQUIRE(MapNodeMemory({.address = base, .bytes = kBytes, .node = 0}).ok());
  CHECK(FindPlacement(base, kBytes).absent_pages == kBytes / PageBytes());
  ReleaseAddressSpace(base, kBytes);
}

TEST_CASE("a run the node has no room for is refused before anything is touched") {
  const Result<AvailableMemory> memory = AvailableOnNode(0);
  if (!memory.ok()) return;
  // Within the head-room: the kernel would still hand it out.
  const size_t bytes = AlignUp(
      memory.value().available_bytes - HeadRoomBytes(memory.value().total_bytes) / 2, kChunkBytes);
  std::byte* base = ReserveAddressSpace(bytes, kChunkBytes).value();
  CHECK(MapNodeMemory({.address = base, .bytes = bytes, .node = 0}).status().code() == Code::kFull);
  ReleaseAddressSpace(base, bytes);
}

TEST_CASE("a node that is not there is unavailable") {
  if (!CanPlace()) return;
  CHECK(ProbeNode(900).code() == Code::kUnavailable);
  CHECK(ProbeNode(0).ok());
}

TEST_CASE("where a container refuses to bind, memory is allocated and not called verified") {
  for (const int refusal : {EPERM, ENOSYS}) {
    CHECK(WithSyscallRefused({.syscall_number = SYS_mbind, .error = refusal}, [] {
      std::byte* base = ReserveAddressSpace(4 * kMiB * 4, kChunkBytes).value();
      const Result<bool> lazy = MapNodeMemory({.address = base, .bytes = 16 * kMiB, .node = 0});
      base[0] = std::byte{1};
      return lazy.ok() && !lazy.value() && ProbeNode(0).code() == Code::kNoPermission;
    }));
  }
}

TEST_CASE("where a container refuses to tell the placement, it is not called verified") {
  if (!CanPlace()) return;
  CHECK(WithSyscallRefused({.syscall_number = SYS_move_pages, .error = EPERM}, [] {
    std::byte* base = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
    const Result<bool> blind = MapNodeMemory({.address = base, .bytes = kChunkBytes, .node = 0});
    return blind.ok() && !blind.value() && FindPlacement(base, kChunkBytes).error == EPERM;
  }));
}

TEST_CASE("head-room is 3 percent, clamped above 1 GiB") {
  CHECK(HeadRoomBytes(100 * kMiB) == kMiB * 100 / 100 * 3);
  CHECK(HeadRoomBytes(2 * kGiB) == 100'000'000);
  CHECK(HeadRoomBytes(20 * kGiB) == 20 * kGiB / 100 * 3);
  CHECK(HeadRoomBytes(1024 * kGiB) == 1'500'000'000);
}

}  // namespace memtiers
