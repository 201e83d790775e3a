#include "topology/kernel_counters.h"

#include "topology/parse.h"
#include "topology/tree_reader.h"

namespace memtiers {
namespace {

uint64_t Counter(std::string_view text, std::string_view key) {
  const auto field = FindField(text, key);
  return field ? ParseUint(*field).value_or(0) : 0;
}

}  // namespace

KernelCounters ReadKernelCounters(const std::string& root) {
  TreeReader reader(root);
  KernelCounters counters;
  const std::string nodes = "/sys/devices/system/node";
  const auto online = reader.OptionalAs(nodes + "/online", ParseList);
  for (const int node : online.value_or(std::vector<int>())) {
    const auto text = reader.Optional(nodes + "/node" + std::to_string(node) + "/numastat");
    if (!text) continue;
    counters.nodes.push_back({.node = node,
                              .hit = Counter(*text, "numa_hit"),
                              .miss = Counter(*text, "numa_miss"),
                              .foreign = Counter(*text, "numa_foreign"),
                              .interleave_hit = Counter(*text, "interleave_hit"),
                              .local = Counter(*text, "local_node"),
                              .other = Counter(*text, "other_node")});
  }
  if (const auto mode = reader.OptionalAs("/proc/sys/kernel/numa_balancing", ParseUint)) {
    counters.balancing_mode = static_cast<int>(*mode);
  }
  const auto vmstat = reader.Optional("/proc/vmstat");
  if (vmstat && FindField(*vmstat, "numa_pte_updates")) {
    counters.balancing =
        BalancingCounters{.pte_updates = Counter(*vmstat, "numa_pte_updates"),
                          .hint_faults = Counter(*vmstat, "numa_hint_faults"),
                          .hint_faults_local = Counter(*vmstat, "numa_hint_faults_local"),
                          .pages_migrated = Counter(*vmstat, "numa_pages_migrated")};
  }
  return counters;
}

}  // namespace memtiers
