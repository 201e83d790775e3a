// Reads and writes alike, from the CPU's accessed bits: they are cleared, and the next collection
// counts which are set again. Needs no privilege and works on any kernel since Linux 5.4; it cannot
// tell reads from writes and reports both as reads.
//
// The kernel tells how many pages of a mapping were accessed (Referenced in /proc/self/smaps), so
// watched chunks get mappings of their own (track/mapping_split.h). Where several chunks share one,
// what was found is divided among them. Huge pages have one bit each and count as one page. 15-30
// ms of CPU time per GiB of small pages, 2 ms of huge ones; and 5 ms per GiB of what else the
// process has below the highest watched chunk, for smaps can only be read from its beginning.
//
// What it cannot see: pages that other processes map, too; DAX before Linux 6.15; of DAX mappings
// later on the pages a CPU accesses all the time. Its price beside CPU time: watched memory that is
// not accessed is the first the kernel reclaims.
//
// Nothing finer is to be had without privilege (as of Linux 6.18). PAGEMAP_SCAN and pagemap have no
// accessed bit; page_idle, kpageflags, DAMON and lru_gen belong to root; sampling by taking pages
// away (UFFDIO_MOVE, PROT_NONE) holds accesses up or makes system calls fail with EFAULT; emptying
// page tables (MADV_DONTNEED) destroys private memory, should a move come in between.
#pragma once

#include <memory>

#include "base/status.h"
#include "track/hotness_source.h"

namespace memtiers {

HotnessProbe ProbeReferenced();

// kUnavailable: no smaps here, or no way to clear the bits.
Result<std::unique_ptr<HotnessSource>> OpenReferencedSource();

}  // namespace memtiers
