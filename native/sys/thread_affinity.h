// On which CPUs a thread of this process may run, and where it runs now.
//
// Thread-safe. Thread numbers are the kernel's (gettid(2)); 0 is the calling thread. Every failure
// keeps its errno: EPERM and ENOSYS (kNoPermission) mean a container's filter.
#pragma once

#include <span>
#include <vector>

#include "base/status.h"

namespace memtiers {

struct ThreadPlace {
  int cpu = 0;
  int node = 0;
  int thread = 0;
};

// Where the calling thread is at this moment; it may be elsewhere when this returns.
ThreadPlace ThisThread();

// Node of the CPU that the calling thread is on at this moment. Some 20 ns: no system call.
int CurrentNode();

// CPUs the thread may run on, ascending. kUnavailable: there is no such thread.
Result<std::vector<int>> ThreadCpus(int thread);

// Lets the thread run on these CPUs only. The kernel leaves out those that the cpuset does not
// have, and says nothing of it. kUnavailable: none is left, or there is no such thread.
// REQUIRES: no number is negative
Status SetThreadCpus(int thread, std::span<const int> cpus);

// Lets the thread run wherever the process may: on all that the cpuset has and will have, unless
// the process was started on a part of it.
Status FreeThread(int thread);

// Keeps in mind which CPUs the calling thread may use now as those the process was started with
// (taskset(1)). Only the first call counts: to be made before anybody binds a thread.
void RememberStartCpus();

// CPUs that this process may use, ascending, whatever its threads are bound to: those of the
// cpuset, less what it was started without. Asks on a thread of its own, about 50 us: what a thread
// asks for stays with it (Linux 6.2), even when it was all.
Result<std::vector<int>> UsableCpus();

}  // namespace memtiers
