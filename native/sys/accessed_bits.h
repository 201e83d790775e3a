// The CPU's accessed bits of this process' pages: clearing them, and keeping pages apart that are
// to be told apart when the kernel sums the bits up (per mapping, in /proc/self/smaps).
//
// Thread-safe as the system calls are. No privilege needed. Contents and permissions of memory stay
// as they are.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/status.h"

namespace memtiers {

// Clears the bits of a range: 7 ms per GiB of small pages, little for huge ones. The CPUs forget
// their translations, so that the next access sets the bit again. The pages also become the first
// to be reclaimed while nobody accesses them. Pages that another process maps, too, keep their
// bits, and so do those of DAX mappings. kInvalid: locked memory; kFull: partly unmapped.
Status ClearAccessedBits(std::byte* address, size_t bytes);

// Clears the bits of every file and device mapping of the process, DAX included: walks all of them.
// The CPUs' translations stay, so that accesses can go unnoticed until they are replaced.
Status ClearAccessedBitsOfFiles();

// Waits until pages that were populated just now on any CPU can have their bits cleared. Best
// effort, some 100 us.
void SettleNewPages();

// Two marks and none: the kernel does not merge mappings with different marks.
enum class MappingMark : uint8_t { kNone, kFirst, kSecond };

// Marks a range, and thereby splits the mapping it is part of. A mark is a name, visible in
// /proc/self/maps (Linux 5.17, anonymous memory); where there are none, kFirst leaves the range out
// of core dumps, and kSecond is the same as none.
Status MarkMapping(std::byte* address, size_t bytes, MappingMark mark);

}  // namespace memtiers
