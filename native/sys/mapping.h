// Address space: reserving it, mapping memory or files into it, moving and populating mappings.
//
// Every address and size is a multiple of the page size. Thread-safe as the system calls are;
// callers own the ranges they name. Each function is one or two system calls; failures carry their
// errno.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/status.h"

namespace memtiers {

// Reserves address space that holds no memory; touching it is a fault. `alignment` is a power of
// two.
Result<std::byte*> ReserveAddressSpace(size_t bytes, size_t alignment);

// Unmaps a range; the address space may be reused by anybody.
void ReleaseAddressSpace(std::byte* address, size_t bytes);

// Turns a range back into a reservation. On failure (the process is out of mappings) what was
// mapped there still is.
Status MapReserved(std::byte* address, size_t bytes);

// Maps private zero-filled memory over a reserved range.
Status MapAnonymous(std::byte* address, size_t bytes);

struct FileMapping {
  int fd = -1;
  uint64_t offset = 0;
  // MAP_SYNC: a store that reached persistent memory stays reachable after power loss. Only fsdax.
  bool sync = false;
  bool read_only = false;  // a store is a SIGSEGV
};
// Maps a part of a file, shared and writable, over a reserved range.
Status MapFile(std::byte* address, size_t bytes, const FileMapping& mapping);

// Moves a mapping to `to` in one step: every access sees the old mapping there or the new one.
// `from` becomes free address space. On failure nothing has changed.
Status MoveMapping(std::byte* from, std::byte* to, size_t bytes);

// Faults all pages in for writing without changing their contents; safe while others access them.
// kLost: the device lost some of them, and touching those would be a SIGBUS. Where the kernel
// cannot populate (before Linux 5.14, some devices) each page is touched, and then it is one.
Status PopulateWrite(std::byte* address, size_t bytes);

// Faults all pages in for reading. kLost as above.
Status PopulateRead(const std::byte* address, size_t bytes);

// Whether the kernel can populate (Linux 5.14).
bool CanPopulate();

// As PopulateRead, but touches nothing itself, so that it may be asked for a range that somebody
// unmaps meanwhile. kInvalid: nothing that can be read is mapped there. REQUIRES: CanPopulate().
Status PopulateReadIfMapped(const std::byte* address, size_t bytes);

// Has the kernel begin to read exactly these pages of a mapped file, and does not wait for them. A
// fault, which populating is to the kernel, reads 128 KiB around each page and waits each time.
// Nothing is reported: what cannot be read is found by whoever waits for it.
void StartReading(const std::byte* address, size_t bytes);

// Reads a byte of each page, whatever the kernel can do: each lost page is a SIGBUS.
void TouchForRead(const std::byte* address, size_t bytes);

// Writes changes in a mapped file to its medium and waits for it: the contents and what is needed
// to find them, as fdatasync; on DAX the CPU's caches are written back too. Skips other memory.
Status SyncMapping(std::byte* address, size_t bytes);

// Asks for huge pages; a kernel without them ignores it.
void AdviseHugePages(std::byte* address, size_t bytes);
// Keeps what is populated from here on in pages of the base size, until huge ones are asked for
// again.
void AdviseSmallPages(std::byte* address, size_t bytes);

// The most mappings a process may have (vm.max_map_count).
size_t MaxMappings();

}  // namespace memtiers
