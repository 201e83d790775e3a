// Which events of this CPU sample the addresses of loads and stores, from what the kernel says of
// its PMUs in /sys/bus/event_source/devices.
//
// Thread-safe. Reads some small files; nothing is opened or counted.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "sys/perf_event.h"

namespace memtiers {

// Intel: mem-loads and mem-stores, of both kinds of core where there are two. AMD: ibs_op.
// kUnavailable: no PMU here has such events; virtual machines rarely do, and Arm's SPE, which needs
// another kind of ring, is not supported. `root` is put in front of /sys.
Result<std::vector<PerfEvent>> FindAccessEvents(const std::string& root = "");

}  // namespace memtiers
