// Samples of the addresses this process loads from and stores to, as the CPU records them (Intel
// PEBS, AMD IBS): about one in 100,000, reads and writes apart. User mode only; what the kernel
// copies on a thread's behalf is not seen.
//
// Every thread has events and a ring of its own; threads that appear are sampled from the next
// collection on. Samples a full ring had no room for are added in proportion. Costs by accesses,
// not by memory: some 0.5 % of a core at a billion accesses a second, and 128 KiB a thread.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "track/hotness_source.h"

namespace memtiers {

// `root` is put in front of /sys.
HotnessProbe ProbePmu(const std::string& root = "");

// kUnavailable: this machine has no such PMU; kNoPermission: it may not be used.
Result<std::unique_ptr<HotnessSource>> OpenPmuSource(const std::string& root = "");

}  // namespace memtiers
