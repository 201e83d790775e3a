// Accesses as DAMON samples them: which pages of a chunk were found accessed, reads and writes
// alike.
//
// A kdamond (a kernel thread) looks at one page of each watched chunk every 5 ms and forgets after
// 20 looks. With many chunks it looks less often, so that it takes about 1 % of a core. Collect
// waits for it, 100-300 ms without using the CPU, and changes to the watched chunks take effect at
// the end of the next Collect. A chunk that is one huge page counts as accessed whole. One source a
// machine, see damon_admin.h. Threads: as HotnessSource.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "track/hotness_source.h"

namespace memtiers {

// Whether DAMON can watch this process now. Takes the interface and gives it back: some writes of
// sysfs. `root` is put in front of /sys and /proc.
HotnessProbe ProbeDamon(const std::string& root = "");

// As DamonAdmin::Claim.
Result<std::unique_ptr<HotnessSource>> OpenDamonSource(const std::string& root = "");

}  // namespace memtiers
