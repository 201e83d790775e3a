// Accesses to chunks in files, as far as they needed the kernel: pages that are mapped now and were
// not at the last look. The first access to a page after it came into memory maps it, and it is
// unmapped when memory is short and it goes again; so this is about what the device had to read,
// without what the kernel only read ahead. Reads and writes alike are reported as reads.
//
// What it cannot see: accesses to pages that are mapped already (the referenced source sees those,
// of files too), pages that came and went between two looks, and DAX, which has no page cache. What
// it sees and nobody accessed: the kernel maps up to 64 KiB around an access. Other memory than
// files has no such pages.
//
// Needs no privilege. 3-11 ms per GiB. Of the alternatives mincore(2) costs 26 ms and counts
// pages that were read ahead, which can be several chunks; cachestat(2) costs a thousandth, but
// wants a descriptor and sums up what is cached, not what has come since.
#pragma once

#include <memory>

#include "base/status.h"
#include "track/hotness_source.h"

namespace memtiers {

HotnessProbe ProbePageCache();

// kUnavailable: no /proc here.
Result<std::unique_ptr<HotnessSource>> OpenPageCacheSource();

}  // namespace memtiers
