#include "topology/cpus.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "sys/probe.h"
#include "sys/thread_affinity.h"
#include "topology/parse.h"
#include "topology/tree_reader.h"

namespace memtiers {
namespace {

const std::string kCpuRoot = "/sys/devices/system/cpu";
const std::string kNodeRoot = "/sys/devices/system/node";

std::optional<CacheType> ParseCacheType(std::string_view text) {
  text = Trim(text);
  if (text == "Data") return CacheType::kData;
  if (text == "Instruction") return CacheType::kInstruction;
  if (text == "Unified") return CacheType::kUnified;
  return std::nullopt;
}

int PackageOf(TreeReader& reader, const std::string& cpu) {
  const auto package = reader.OptionalAs(cpu + "/topology/physical_package_id", ParseInt);
  return package && *package >= 0 && *package < INT32_MAX ? static_cast<int>(*package) : -1;
}

// Cores by CPU: one file a core is read, as it lists the other threads of it.
class Cores {
 public:
  int Of(TreeReader& reader, const std::string& path, int cpu) {
    if (const auto known = cores_.find(cpu); known != cores_.end()) return known->second;
    const auto threads = reader.OptionalAs(path + "/topology/thread_siblings_list", ParseList);
    const int core = threads && !threads->empty() ? std::min(threads->front(), cpu) : cpu;
    for (const int thread : threads.value_or(std::vector<int>())) cores_[thread] = core;
    return core;
  }

 private:
  std::map<int, int> cores_;
};

// Caches: those a CPU shares with one that was looked at before are not read again.
class Caches {
 public:
  void Add(TreeReader& reader, const std::string& path, int cpu) {
    for (const std::string& name : reader.List(path + "/cache")) {
      if (!name.starts_with("index") || known_.contains({name, cpu})) continue;
      const std::string index = path + "/cache/" + name;
      CpuCache cache;
      cache.cpus =
          reader.OptionalAs(index + "/shared_cpu_list", ParseList).value_or(std::vector<int>{cpu});
      for (const int sharer : cache.cpus) known_.emplace(name, sharer);
      const auto level = reader.OptionalAs(index + "/level", ParseUint);
      const auto type = reader.OptionalAs(index + "/type", ParseCacheType);
      const auto size = reader.OptionalAs(index + "/size", ParseCacheSize);
      // Virtual machines list caches without a level or a size.
      if (!level || *level == 0 || *level > 16 || !type || !size) continue;
      cache.level = static_cast<int>(*level);
      cache.type = *type;
      cache.size_bytes = *size;
      caches_.push_back(std::move(cache));
    }
  }

  std::vector<CpuCache> Take() {
    std::ranges::sort(caches_, {}, [](const CpuCache& cache) {
      return std::tuple(cache.level, cache.cpus.empty() ? 0 : cache.cpus.front(), cache.type);
    });
    return std::move(caches_);
  }

 private:
  std::set<std::pair<std::string, int>> known_;
  std::vector<CpuCache> caches_;
};

std::vector<int> AllowedCpus(TreeReader& reader) {
  if (reader.IsLive()) {
    const Result<std::vector<int>> usable = UsableCpus();
    if (usable.ok()) return usable.value();
  }
  const auto status = reader.Required("/proc/self/status");
  const auto field = status ? FindField(*status, "Cpus_allowed_list:") : std::nullopt;
  return (field ? ParseList(*field) : std::nullopt).value_or(std::vector<int>());
}

void Append(std::string& text, const std::vector<int>& numbers) {
  for (const int number : numbers) text += std::to_string(number) + ",";
}

}  // namespace

CpuTopology ScanCpus(const std::string& root) {
  TreeReader reader(root);
  CpuTopology topology;
  Cores cores;
  Caches caches;
  const auto online = reader.RequiredAs(kCpuRoot + "/online", ParseList);
  for (const int id : online.value_or(std::vector<int>())) {
    const std::string path = kCpuRoot + "/cpu" + std::to_string(id);
    topology.cpus.push_back(
        {.id = id, .package = PackageOf(reader, path), .core = cores.Of(reader, path, id)});
    caches.Add(reader, path, id);
  }
  topology.caches = caches.Take();
  topology.allowed_cpus = AllowedCpus(reader);
  topology.unreadable = reader.TakeNotes();
  return topology;
}

std::string TopologyStamp(const std::string& root) {
  TreeReader reader(root);
  std::string stamp;
  for (const std::string& path : {kCpuRoot + "/online", kNodeRoot + "/online",
                                  kNodeRoot + "/has_cpu", kNodeRoot + "/has_memory"}) {
    stamp += reader.Optional(path).value_or("-") + ";";
  }
  const auto status = reader.Optional("/proc/self/status").value_or("");
  stamp += std::string(FindField(status, "Mems_allowed_list:").value_or("-")) + ";";
  Append(stamp, AllowedCpus(reader));
  stamp += ";";
  if (reader.IsLive()) Append(stamp, PolicyBoundNodes());
  return stamp;
}

}  // namespace memtiers
