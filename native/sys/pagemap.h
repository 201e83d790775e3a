// What this process' page tables say of its pages (/proc/self/pagemap).
//
// Thread-safe as the system calls are. Needs no privilege for the process' own pages.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/status.h"
#include "sys/unique_fd.h"

namespace memtiers {

// A bit for each 4 KiB of a chunk.
using ChunkPages = std::bitset<kChunkBytes / (4 * kKiB)>;

class Pagemap {
 public:
  // kUnavailable: no /proc.
  static Result<Pagemap> Open();

  // Whether the kernel has TakeWrittenPages (PAGEMAP_SCAN, Linux 6.7).
  Status CheckWrittenPages() const;

  // Pages of 4 KiB written since they were protected, and protects those again: no write falls
  // between the two. An unmapped range has none. kNoPermission: writes to some of the range are not
  // recorded (sys/userfaultfd.h), be it because another mapping took its place. A microsecond and 2
  // ms per GiB of small pages. REQUIRES: whole pages.
  Result<uint64_t> TakeWrittenPages(std::byte* address, size_t bytes) const;

  // Which pages of a chunk are mapped and of a file: accessed since they came into memory, or
  // within 64 KiB of one that was. 3-11 ms per GiB. REQUIRES: a chunk's address.
  Result<ChunkPages> MappedFilePages(const std::byte* chunk) const;

 private:
  explicit Pagemap(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace memtiers
