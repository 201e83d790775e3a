// Writes, page by page: memory is write-protected, the first write to a page lifts its protection
// by itself, and a look at the page tables finds and protects those pages again. The only source
// that counts exactly: pages of 4 KiB written between two collections. Reads are not seen.
//
// Anonymous memory, files and DAX devices alike. A watched page costs its writer about 1.4 us at
// the first write after a collection, the collection 2 ms per GiB. Beginning with a chunk and
// ending costs 17 ms per GiB of small pages, the end on the thread that calls Watch or the
// destructor. Needs a full userfaultfd and Linux 6.7. Costs to know of: a huge page is taken apart
// by the first write to it, and not put together again while it is watched; memory that was never
// touched gets small pages. One source of this kind a chunk: two would take each other's findings.
//
// Chunks are registered in the first collection after they were added. A move takes the
// registration away; the next collection finds that out and starts anew. A chunk that somebody else
// has registered is left alone and tried again.
#pragma once

#include <memory>

#include "base/status.h"
#include "track/hotness_source.h"

namespace memtiers {

HotnessProbe ProbeWriteProtect();

// kUnavailable, kNoPermission: this kernel or container has no such thing.
Result<std::unique_ptr<HotnessSource>> OpenWriteProtectSource();

}  // namespace memtiers
