#include "topology/kernel_counters.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "sys/mapping.h"
#include "topology/process_memory.h"

namespace memtiers {

TEST_CASE("the running machine counts allocations on each of its nodes") {
  const KernelCounters counters = ReadKernelCounters("");
  for (const NodeAllocations& node : counters.nodes) CHECK(node.node >= 0);
  CHECK(std::ranges::any_of(counters.nodes, [](const NodeAllocations& node) {
          return node.local > 0;
        }) == !counters.nodes.empty());
}

TEST_CASE("lines of numa_maps are added up by node and by whether nodes were asked for") {
  NumaMapsSum sum;
  sum.Take("7f0000000000 default anon=3 dirty=3 N0=2 N1=1 kernelpagesize_kB=4");
  sum.Take("7f0000200000 prefer (many):0-1 anon=2 N1=2 kernelpagesize_kB=2048");
  sum.Take("7f0000400000 bind=static:1 file=/a\\040N0=9 mapped=1 N1=1 kernelpagesize_kB=4");
  sum.Take("7f0000600000 local N0=1 kernelpagesize_kB=4");
  const std::vector<NodeMemory> nodes = sum.Finish();
  REQUIRE(nodes.size() == 2);
  CHECK(nodes[0].bytes == 3 * 4 * kKiB);
  CHECK(nodes[0].placed_bytes == 0);
  CHECK(nodes[1].bytes == 2 * 4 * kKiB + 4 * kMiB);
  CHECK(nodes[1].placed_bytes == 4 * kKiB + 4 * kMiB);
}

TEST_CASE("lines that make no sense add nothing") {
  NumaMapsSum sum;
  sum.Take("");
  sum.Take("7f0000000000 default");
  sum.Take("7f0000000000 default N0=12");
  sum.Take("7f0000000000 default N0=-1 Nx=4 N=4 N4096=1 kernelpagesize_kB=4");
  sum.Take("7f0000000000 default N0=99999999999999999999 kernelpagesize_kB=4");
  sum.Take("7f0000000000 default N0=1 kernelpagesize_kB=99999999");
  CHECK(sum.Finish().empty());
}

TEST_CASE("memory that this process touches is in its sum") {
  constexpr size_t kBytes = 8 * kMiB;
  const auto total = [] {
    const Result<std::vector<NodeMemory>> nodes = ReadProcessMemory("", 0);
    uint64_t bytes = 0;
    if (nodes.ok()) {
      for (const NodeMemory& node : nodes.value()) bytes += node.bytes;
    }
    return bytes;
  };
  const uint64_t before = total();
  if (before == 0) {
    CHECK(ReadProcessMemory("", 0).status().code() == Code::kUnavailable);
    return;
  }
  std::byte* base = ReserveAddressSpace(kBytes, kChunkBytes).value();
  REQUIRE(MapAnonymous(base, kBytes).ok());
  std::memset(base, 1, kBytes);
  CHECK(total() >= before + kBytes / 2);
  ReleaseAddressSpace(base, kBytes);
}

}  // namespace memtiers
