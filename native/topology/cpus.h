// CPUs with their sockets, cores and caches, from /sys/devices/system/cpu.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace memtiers {

struct Cpu {
  int id = 0;
  int package = -1;  // the socket's number; -1: the kernel does not say (arm64 without ACPI)
  int core = 0;      // the lowest CPU of the core, so that hardware threads have the same
};

enum class CacheType { kData, kInstruction, kUnified };

struct CpuCache {
  int level = 0;
  CacheType type = CacheType::kUnified;
  uint64_t size_bytes = 0;
  std::vector<int> cpus;  // that share it, ascending
};

struct CpuTopology {
  std::vector<Cpu> cpus;         // online ones, by number
  std::vector<CpuCache> caches;  // by level, then by first CPU
  // Those the process may use: of the cpuset, and of what it was started with. A thread that binds
  // itself later changes nothing about it.
  std::vector<int> allowed_cpus;
  std::vector<std::string> unreadable;
};

// Describes the CPUs below `root`, "" being the running system. Never fails: what cannot be read is
// absent and listed in `unreadable`. Thread-safe. Reads two to six small files a CPU.
CpuTopology ScanCpus(const std::string& root);

// A text that changes whenever CPUs or nodes come or go, nodes get or lose CPUs or memory, or the
// cpuset changes; it means nothing else. Thread-safe. About 100 us.
std::string TopologyStamp(const std::string& root);

}  // namespace memtiers
