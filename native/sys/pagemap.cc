#include "sys/pagemap.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "base/bytes.h"
#include "sys/probe.h"

namespace memtiers {
namespace {

// The kernel's ABI under names of our own: headers before Linux 6.7 lack it, and a macro of the
// same name in newer ones would get in the way.
struct ScanRegion {
  uint64_t start;
  uint64_t end;
  uint64_t categories;
};
struct ScanRequest {
  uint64_t size;
  uint64_t flags;
  uint64_t start;
  uint64_t end;
  uint64_t walk_end;
  uint64_t regions;
  uint64_t region_count;
  uint64_t max_pages;
  uint64_t category_inverted;
  uint64_t category_mask;
  uint64_t category_anyof_mask;
  uint64_t return_mask;
};
constexpr unsigned long kScan = _IOWR('f', 16, ScanRequest);
constexpr uint64_t kProtectMatching = 1U << 0;
constexpr uint64_t kCheckRecorded = 1U << 1;
constexpr uint64_t kWritten = 1U << 1;

// Of an entry read from the file: present, and of a file or shared memory.
constexpr uint64_t kMappedFile = uint64_t{1} << 63 | uint64_t{1} << 61;

}  // namespace

Result<Pagemap> Pagemap::Open() {
  UniqueFd fd(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    return Status::FromErrno(Code::kUnavailable, errno, "open", "/proc/self/pagemap");
  }
  return Pagemap(std::move(fd));
}

Status Pagemap::CheckWrittenPages() const {
  // An empty range asks whether the kernel knows the request: ENOTTY before Linux 6.7.
  ScanRequest nothing{};
  nothing.size = sizeof(nothing);
  nothing.return_mask = kWritten;
  if (ioctl(fd_.get(), kScan, &nothing) == 0) return {};
  return Status::FromErrno(Code::kUnavailable, errno, "PAGEMAP_SCAN", "written pages");
}

Result<uint64_t> Pagemap::TakeWrittenPages(std::byte* address, size_t bytes) const {
  std::array<ScanRegion, 128> regions{};
  const auto end = reinterpret_cast<uint64_t>(address) + bytes;
  uint64_t written = 0;
  for (auto start = reinterpret_cast<uint64_t>(address); start < end;) {
    ScanRequest request{.size = sizeof(ScanRequest),
                        .flags = kProtectMatching | kCheckRecorded,
                        .start = start,
                        .end = end,
                        .walk_end = 0,
                        .regions = reinterpret_cast<uint64_t>(regions.data()),
                        .region_count = regions.size(),
                        .max_pages = 0,
                        .category_inverted = 0,
                        .category_mask = kWritten,
                        .category_anyof_mask = 0,
                        .return_mask = kWritten};
    const int found = ioctl(fd_.get(), kScan, &request);
    if (found < 0) {
      return Status::FromErrno(errno, "PAGEMAP_SCAN", std::to_string(bytes / kKiB) + " KiB");
    }
    for (int i = 0; i < found; ++i) written += regions[i].end - regions[i].start;
    if (request.walk_end <= start) break;
    start = request.walk_end;
  }
  return written / (4 * kKiB);
}

Result<ChunkPages> Pagemap::MappedFilePages(const std::byte* chunk) const {
  // One entry a page of the system's size, which is 4 KiB or a multiple of it.
  const size_t page_bytes = PageBytes();
  std::array<uint64_t, ChunkPages().size()> entries{};
  const size_t wanted = kChunkBytes / page_bytes * sizeof(uint64_t);
  const auto offset =
      static_cast<off_t>(reinterpret_cast<uintptr_t>(chunk) / page_bytes * sizeof(uint64_t));
  const ssize_t got = pread(fd_.get(), entries.data(), wanted, offset);
  if (got < 0) return Status::FromErrno(errno, "pread", "/proc/self/pagemap");
  ChunkPages pages;
  for (size_t i = 0; i < pages.size(); ++i) {
    pages.set(i, (entries[i * 4 * kKiB / page_bytes] & kMappedFile) == kMappedFile);
  }
  return pages;
}

}  // namespace memtiers
