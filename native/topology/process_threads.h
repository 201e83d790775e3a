// The threads of a process, this one or another, as /proc tells them to everybody.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace memtiers {

struct ProcessThread {
  int id = 0;
  std::string name;
  int cpu = 0;             // that it runs on, or ran on last
  std::vector<int> cpus;   // that it may run on, ascending
  uint64_t cpu_ticks = 0;  // CPU time it took so far, of 10 ms
};

// Where /proc has a process below `root`; 0 is this one.
std::string ProcessDirectory(const std::string& root, int pid);

// Takes what there is in a thread's `stat` (proc_pid_stat(5)). Pure. kUnavailable: it makes no
// sense.
Result<ProcessThread> ParseThreadStat(std::string_view stat);

// The threads of process `pid`, 0 being this one, by number; those that end meanwhile are left out.
// Reads below `root`, "" being the running system: two small files a thread, some 25 us.
// kUnavailable: there is no such process. Thread-safe.
Result<std::vector<ProcessThread>> ReadProcessThreads(const std::string& root, int pid);

}  // namespace memtiers
