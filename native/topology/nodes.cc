#include "topology/nodes.h"

#include <algorithm>

#include "base/bytes.h"

namespace memtiers {

namespace {

const std::string kNodeRoot = "/sys/devices/system/node";

std::optional<std::vector<int>> ParseDistances(std::string_view text) {
  std::vector<int> distances;
  for (std::string_view word : Split(Trim(text), ' ')) {
    const auto distance = ParseUint(word);
    if (!distance || *distance > 255) return std::nullopt;  // SLIT entries are bytes
    distances.push_back(static_cast<int>(*distance));
  }
  return distances;
}

// "nodeN" -> N
std::optional<int> NodeNumber(std::string_view name) {
  if (!name.starts_with("node")) return std::nullopt;
  const auto number = ParseUint(name.substr(4));
  if (!number || *number > 1023) return std::nullopt;
  return static_cast<int>(*number);
}

std::optional<double> ReadFigure(TreeReader& reader, const std::string& path, double unit) {
  const auto value = reader.OptionalAs(path, ParseUint);
  // 0 is how the kernel says that the firmware said nothing.
  if (!value || *value == 0) return std::nullopt;
  return static_cast<double>(*value) * unit;
}

std::vector<NodeAttributes> ScanAttributes(TreeReader& reader, const std::string& node) {
  std::vector<NodeAttributes> found;
  for (const int access_class : {0, 1}) {
    const std::string path = node + "/access" + std::to_string(access_class) + "/initiators";
    if (!reader.IsDirectory(path)) continue;
    NodeAttributes attributes;
    attributes.access_class = access_class;
    for (const std::string& name : reader.List(path)) {
      if (const auto initiator = NodeNumber(name)) attributes.initiators.push_back(*initiator);
    }
    // Latencies in nanoseconds, bandwidths in MiB/s (Documentation/admin-guide/mm/numaperf.rst).
    attributes.read_latency_ns = ReadFigure(reader, path + "/read_latency", 1);
    attributes.write_latency_ns = ReadFigure(reader, path + "/write_latency", 1);
    attributes.read_bytes_per_second = ReadFigure(reader, path + "/read_bandwidth", kMiB);
    attributes.write_bytes_per_second = ReadFigure(reader, path + "/write_bandwidth", kMiB);
    found.push_back(std::move(attributes));
  }
  return found;
}

void ReadMemory(TreeReader& reader, const std::string& path, Node& node) {
  const auto meminfo = reader.Required(path);
  if (!meminfo) return;
  const auto total = ParseMeminfoBytes(*meminfo, "MemTotal");
  const auto free = ParseMeminfoBytes(*meminfo, "MemFree");
  if (!total || !free) {
    reader.Note(path);
    return;
  }
  node.memory_bytes = *total;
  // As MemAvailable does for the machine: MemFree alone is close to zero once files have been read.
  uint64_t available = *free;
  for (const char* key : {"Active(file)", "Inactive(file)", "SReclaimable"}) {
    available += ParseMeminfoBytes(*meminfo, key).value_or(0);
  }
  node.free_bytes = std::min(available, *total);
}

}  // namespace

std::vector<Node> ScanNodes(TreeReader& reader) {
  std::vector<Node> nodes;
  const auto online = reader.RequiredAs(kNodeRoot + "/online", ParseList);
  if (!online) return nodes;
  for (const int id : *online) {
    const std::string path = kNodeRoot + "/node" + std::to_string(id);
    if (!reader.IsDirectory(path)) {
      reader.Note(path);
      continue;
    }
    Node node;
    node.id = id;
    node.cpus = reader.RequiredAs(path + "/cpulist", ParseList).value_or(std::vector<int>());
    ReadMemory(reader, path + "/meminfo", node);
    node.distances =
        reader.RequiredAs(path + "/distance", ParseDistances).value_or(std::vector<int>());
    node.attributes = ScanAttributes(reader, path);
    nodes.push_back(std::move(node));
  }
  return nodes;
}

}  // namespace memtiers
