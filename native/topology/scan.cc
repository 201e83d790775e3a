#include "topology/scan.h"

#include <algorithm>

#include "topology/blocks.h"
#include "topology/cgroup.h"
#include "topology/dax.h"
#include "topology/nodes.h"
#include "topology/tree_reader.h"

namespace memtiers {

namespace {

std::vector<int> ReadAllowed(TreeReader& reader, std::string_view status, std::string_view key) {
  const auto field = FindField(status, key);
  const auto list = field ? ParseList(*field) : std::nullopt;
  if (!list) reader.Note("/proc/self/status: " + std::string(key.substr(0, key.size() - 1)));
  return list.value_or(std::vector<int>());
}

void KeepOnly(std::vector<int>& list, const std::vector<int>& kept) {
  std::erase_if(list, [&](int member) { return std::ranges::find(kept, member) == kept.end(); });
}

void ScanAllowed(TreeReader& reader, Machine& machine) {
  const auto status = reader.Required("/proc/self/status");
  if (!status) return;
  machine.allowed_cpus = ReadAllowed(reader, *status, "Cpus_allowed_list:");
  machine.allowed_nodes = ReadAllowed(reader, *status, "Mems_allowed_list:");
  // A cpuset may list nodes that are only possible, not there.
  std::vector<int> present;
  present.reserve(machine.nodes.size());
  for (const Node& node : machine.nodes) present.push_back(node.id);
  if (!present.empty()) KeepOnly(machine.allowed_nodes, present);
  // numactl --membind is a policy of the task and not part of its cpuset.
  const std::vector<int> bound = reader.IsLive() ? PolicyBoundNodes() : std::vector<int>();
  if (!bound.empty()) KeepOnly(machine.allowed_nodes, bound);
}

void ScanKernel(TreeReader& reader, Machine& machine) {
  machine.kernel.release =
      std::string(Trim(reader.Optional("/proc/sys/kernel/osrelease").value_or("")));
  if (machine.kernel.release.empty() && reader.IsLive()) machine.kernel.release = KernelRelease();
  if (const auto mode = reader.OptionalAs("/proc/sys/kernel/numa_balancing", ParseUint)) {
    machine.kernel.numa_balancing = static_cast<int>(*mode);
  }
  machine.kernel.transparent_huge_pages = std::string(
      Trim(reader.Optional("/sys/kernel/mm/transparent_hugepage/enabled").value_or("")));
  machine.kernel.page_bytes = PageBytes();
}

void ScanCaches(TreeReader& reader, Machine& machine) {
  const std::string caches = "/sys/devices/system/cpu/cpu0/cache";
  for (const std::string& name : reader.List(caches)) {
    if (!name.starts_with("index")) continue;
    const auto size = reader.OptionalAs(caches + "/" + name + "/size", ParseCacheSize);
    if (size && *size > machine.last_level_cache_bytes.value_or(0)) {
      machine.last_level_cache_bytes = size;
    }
  }
}

}  // namespace

Machine ScanMachine(const std::string& root) {
  TreeReader reader(root);
  Machine machine;
  machine.nodes = ScanNodes(reader);
  machine.dax = ScanDax(reader);
  machine.blocks = ScanBlocks(reader);
  ScanAllowed(reader, machine);
  machine.memory_limit = ScanMemoryLimit(reader);
  ScanKernel(reader, machine);
  ScanCaches(reader, machine);
  if (reader.IsLive()) {
    machine.permissions = ProbePermissions();
    machine.userfaultfd = ProbeUserfaultfd();
  }
  machine.unreadable = reader.TakeNotes();
  return machine;
}

}  // namespace memtiers
