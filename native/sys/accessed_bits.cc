#include "sys/accessed_bits.h"

#include <fcntl.h>
#include <numaif.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/bytes.h"
#include "sys/unique_fd.h"

// Absent from older headers; the values are kernel ABI.
#ifndef MADV_COLD
#define MADV_COLD 20
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
#ifndef PR_SET_VMA_ANON_NAME
#define PR_SET_VMA_ANON_NAME 0
#endif

namespace memtiers {
namespace {

const char* NameOf(MappingMark mark) {
  switch (mark) {
    case MappingMark::kNone:
      return nullptr;
    case MappingMark::kFirst:
      return "memory-tiers 1";
    case MappingMark::kSecond:
      return "memory-tiers 2";
  }
  return nullptr;
}

std::string Describe(size_t bytes) { return std::to_string(bytes / kKiB) + " KiB"; }

}  // namespace

// madvise(MADV_COLD) rather than /proc/self/clear_refs: that walks the whole process, holding its
// mmap lock for writing, and does not flush the TLB, so that the hottest pages look untouched.
Status ClearAccessedBits(std::byte* address, size_t bytes) {
  while (madvise(address, bytes, MADV_COLD) != 0) {
    if (errno != EINTR && errno != EAGAIN) {
      return Status::FromErrno(errno, "madvise", Describe(bytes));
    }
  }
  return {};
}

Status ClearAccessedBitsOfFiles() {
  const std::string path = "/proc/self/clear_refs";
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return Status::FromErrno(errno, "open", path);
  if (write(fd.get(), "3", 1) != 1) return Status::FromErrno(errno, "write", path);
  return {};
}

// Each CPU keeps up to 31 new pages off the lists of reclaim, and MADV_COLD passes those over. A
// move of no pages puts them there: it begins by emptying these batches on all CPUs.
void SettleNewPages() {
  const int node = 0;
  int status = 0;
  void* page = nullptr;
  (void)move_pages(0, 0, &page, &node, &status, MPOL_MF_MOVE);
}

Status MarkMapping(std::byte* address, size_t bytes, MappingMark mark) {
  const auto start = reinterpret_cast<unsigned long>(address);
  const auto name = reinterpret_cast<unsigned long>(NameOf(mark));
  const bool named = prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, start, bytes, name) == 0;
  if (named && mark != MappingMark::kNone) return {};
  // EBADF: a file; EINVAL: a kernel without names. A mark taken off may be of either kind.
  const int advice = mark == MappingMark::kFirst ? MADV_DONTDUMP : MADV_DODUMP;
  if (madvise(address, bytes, advice) == 0) return {};
  return Status::FromErrno(errno, "madvise", Describe(bytes));
}

}  // namespace memtiers
