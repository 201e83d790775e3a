// One plain description of the machine as this process sees it. Values only: safe to copy and to
// hand to another thread. Figures the system does not give are absent, never invented.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sys/probe.h"
#include "sys/userfaultfd.h"

namespace memtiers {

// HMAT figures as seen from the best initiators of one access class.
struct NodeAttributes {
  int access_class = 0;         // 0: best initiator of any kind, 1: best CPU
  std::vector<int> initiators;  // nodes; may be empty while figures are there
  std::optional<double> read_latency_ns;
  std::optional<double> write_latency_ns;
  std::optional<double> read_bytes_per_second;
  std::optional<double> write_bytes_per_second;
};

struct Node {
  int id = 0;
  std::vector<int> cpus;
  uint64_t memory_bytes = 0;
  uint64_t free_bytes = 0;     // page cache and reclaimable slab count as free
  std::vector<int> distances;  // to the nodes of Machine::nodes, in that order
  std::vector<NodeAttributes> attributes;
};

enum class DaxMode { kDevdax, kSystemRam, kUnbound };
enum class DaxOrigin { kPmem, kCxl, kHmem, kUnknown };

struct DaxDevice {
  std::string name;
  std::string path;  // "" unless mode is kDevdax
  uint64_t size_bytes = 0;
  uint64_t align_bytes = 0;
  int target_node = -1;
  DaxMode mode = DaxMode::kUnbound;
  DaxOrigin origin = DaxOrigin::kUnknown;
};

struct Mount {
  std::string path;
  std::string device;
  std::string fs_type;
  std::string options;
  bool read_only = false;
  bool dax = false;
  uint64_t free_bytes = 0;
};

enum class BlockOrigin { kNvme, kPmem, kVirtio, kScsi, kLoop, kOther };

struct BlockDevice {
  std::string name;
  uint64_t size_bytes = 0;
  bool rotational = false;
  BlockOrigin origin = BlockOrigin::kOther;
  int node = -1;
  std::vector<Mount> mounts;
};

struct MemoryLimit {
  uint64_t limit_bytes = 0;
  uint64_t used_bytes = 0;
};

struct KernelFacts {
  std::string release;
  std::optional<int> numa_balancing;
  std::string transparent_huge_pages;  // "" when not built in
  uint64_t page_bytes = 0;
};

struct Machine {
  std::vector<Node> nodes;  // online ones, by id
  std::vector<DaxDevice> dax;
  std::vector<BlockDevice> blocks;
  std::vector<int> allowed_nodes;
  std::vector<int> allowed_cpus;
  std::optional<MemoryLimit> memory_limit;
  Permissions permissions;
  UserfaultfdProbe userfaultfd;
  KernelFacts kernel;
  // Bytes of the largest CPU cache; absent when the kernel does not say.
  std::optional<uint64_t> last_level_cache_bytes;
  // What should have been readable, or made sense, and did not.
  std::vector<std::string> unreadable;
};

}  // namespace memtiers
