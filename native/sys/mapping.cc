#include "sys/mapping.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "base/bytes.h"
#include "sys/probe.h"
#include "sys/text_file.h"

// Absent from the headers of glibc before 2.35; the values are kernel ABI.
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace memtiers {
namespace {

std::string Describe(size_t bytes) {
  return std::to_string(bytes / kKiB) + " KiB of address space";
}

// madvise(MADV_POPULATE_*) needs Linux 5.14 and refuses device mappings with EINVAL; then each page
// is touched. Adding zero atomically is a write that changes nothing, whoever else writes.
void TouchForWrite(std::byte* address, size_t bytes) {
  for (size_t offset = 0; offset < bytes; offset += PageBytes()) {
    auto* byte = reinterpret_cast<unsigned char*>(address + offset);
    std::atomic_ref<unsigned char>(*byte).fetch_add(0, std::memory_order_relaxed);
  }
}

// Returns 0, EINVAL when the advice is not known for this mapping, or another errno.
int Populate(const std::byte* address, size_t bytes, int advice) {
  while (madvise(const_cast<std::byte*>(address), bytes, advice) != 0) {
    if (errno != EINTR && errno != EAGAIN) return errno;
  }
  return 0;
}

// EFAULT from MADV_POPULATE_*: an access would be a SIGBUS, for another reason than a poisoned page
// (madvise(2)).
Status PopulateFailed(int error, size_t bytes) {
  const std::string what = Describe(bytes);
  return error == EFAULT ? Status::FromErrno(Code::kLost, error, "madvise", what)
                         : Status::FromErrno(error, "madvise", what);
}

}  // namespace

Result<std::byte*> ReserveAddressSpace(size_t bytes, size_t alignment) {
  const size_t padded = bytes + alignment;
  if (padded < bytes) return Status(Code::kInvalid, Describe(bytes));
  void* start =
      mmap(nullptr, padded, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED) return Status::FromErrno(errno, "mmap", Describe(bytes));
  auto* first = static_cast<std::byte*>(start);
  const size_t head =
      AlignUp(reinterpret_cast<uintptr_t>(first), alignment) - reinterpret_cast<uintptr_t>(first);
  if (head != 0) munmap(first, head);
  if (padded - head != bytes) munmap(first + head + bytes, padded - head - bytes);
  return first + head;
}

void ReleaseAddressSpace(std::byte* address, size_t bytes) { munmap(address, bytes); }

Status MapReserved(std::byte* address, size_t bytes) {
  void* mapped = mmap(address, bytes, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  if (mapped == MAP_FAILED) return Status::FromErrno(errno, "mmap", Describe(bytes));
  return {};
}

Status MapAnonymous(std::byte* address, size_t bytes) {
  void* mapped = mmap(address, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  if (mapped == MAP_FAILED) return Status::FromErrno(errno, "mmap", Describe(bytes));
  return {};
}

Status MapFile(std::byte* address, size_t bytes, const FileMapping& mapping) {
  // MAP_SYNC is only honoured together with MAP_SHARED_VALIDATE; plain MAP_SHARED ignores it
  // (mmap(2)).
  const int flags = mapping.sync ? MAP_SHARED_VALIDATE | MAP_SYNC : MAP_SHARED;
  const int protection = mapping.read_only ? PROT_READ : PROT_READ | PROT_WRITE;
  void* mapped = mmap(address, bytes, protection, flags | MAP_FIXED, mapping.fd,
                      static_cast<off_t>(mapping.offset));
  if (mapped == MAP_FAILED) return Status::FromErrno(errno, "mmap", Describe(bytes));
  return {};
}

Status MoveMapping(std::byte* from, std::byte* to, size_t bytes) {
  if (mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED) {
    return Status::FromErrno(errno, "mremap", Describe(bytes));
  }
  return {};
}

Status PopulateWrite(std::byte* address, size_t bytes) {
  const int error = Populate(address, bytes, MADV_POPULATE_WRITE);
  if (error == EINVAL) {
    TouchForWrite(address, bytes);
    return {};
  }
  return error == 0 ? Status() : PopulateFailed(error, bytes);
}

Status PopulateRead(const std::byte* address, size_t bytes) {
  const int error = Populate(address, bytes, MADV_POPULATE_READ);
  if (error == EINVAL) {
    TouchForRead(address, bytes);
    return {};
  }
  return error == 0 ? Status() : PopulateFailed(error, bytes);
}

bool CanPopulate() {
  // Of no bytes only the advice is looked at (madvise(2)).
  static const bool can = madvise(nullptr, 0, MADV_POPULATE_READ) == 0;
  return can;
}

Status PopulateReadIfMapped(const std::byte* address, size_t bytes) {
  const int error = Populate(address, bytes, MADV_POPULATE_READ);
  return error == 0 ? Status() : PopulateFailed(error, bytes);
}

void StartReading(const std::byte* address, size_t bytes) {
  // A single call reads no more than the device takes at once and drops the rest
  // (force_page_cache_ra in mm/readahead.c); what it never drops is the least read-ahead there is.
  constexpr size_t kStep = 128 * kKiB;
  for (size_t offset = 0; offset < bytes; offset += kStep) {
    const size_t length = std::min(kStep, bytes - offset);
    (void)madvise(const_cast<std::byte*>(address + offset), length, MADV_WILLNEED);
  }
}

void TouchForRead(const std::byte* address, size_t bytes) {
  for (size_t offset = 0; offset < bytes; offset += PageBytes()) {
    (void)*static_cast<const volatile std::byte*>(address + offset);
  }
}

Status SyncMapping(std::byte* address, size_t bytes) {
  if (msync(address, bytes, MS_SYNC) == 0) return {};
  return Status::FromErrno(errno, "msync", Describe(bytes));
}

void AdviseHugePages(std::byte* address, size_t bytes) {
  (void)madvise(address, bytes, MADV_HUGEPAGE);
}

void AdviseSmallPages(std::byte* address, size_t bytes) {
  (void)madvise(address, bytes, MADV_NOHUGEPAGE);
}

size_t MaxMappings() {
  constexpr size_t kKernelDefault = 65530;
  const Result<std::string> text = ReadTextFile("/proc/sys/vm/max_map_count");
  const size_t limit = text.ok() ? std::strtoull(text.value().c_str(), nullptr, 10) : 0;
  return limit == 0 ? kKernelDefault : limit;
}

}  // namespace memtiers
