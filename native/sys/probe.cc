#include "sys/probe.h"

#include <linux/mempolicy.h>
#include <numaif.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>

namespace memtiers {

namespace {

// The kernel refuses masks of fewer bits than it has nodes; 1024 is the most Linux is built for.
constexpr size_t kMaxNodes = 1024;
constexpr size_t kWordBits = sizeof(unsigned long) * CHAR_BIT;
using NodeMask = std::array<unsigned long, kMaxNodes / kWordBits>;

// An invalid mode reaches the kernel only past a filter: EINVAL then means permitted.
constexpr int kInvalidMode = 0x1fff;

int RefusalOf(long result) {
  if (result == 0 || errno == EINVAL) return 0;
  return errno;
}

}  // namespace

Permissions ProbePermissions() {
  Permissions permissions;
  const size_t bytes = PageBytes();
  int mode = 0;
  permissions.get_mempolicy = RefusalOf(get_mempolicy(&mode, nullptr, 0, nullptr, 0));
  permissions.set_mempolicy = RefusalOf(set_mempolicy(kInvalidMode, nullptr, 0));
  void* page = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) {
    permissions.mbind = permissions.move_pages = errno;
    return permissions;
  }
  *static_cast<volatile char*>(page) = 1;
  permissions.mbind = RefusalOf(mbind(page, bytes, MPOL_DEFAULT, nullptr, 0, 0));
  int node = -1;
  // First where the page is, then moving it there: both forms may be filtered.
  permissions.move_pages = RefusalOf(move_pages(0, 1, &page, nullptr, &node, 0));
  if (permissions.move_pages == 0 && node >= 0) {
    int moved = -1;
    permissions.move_pages = RefusalOf(move_pages(0, 1, &page, &node, &moved, MPOL_MF_MOVE));
  }
  munmap(page, bytes);
  return permissions;
}

std::vector<int> PolicyBoundNodes() {
  std::vector<int> nodes;
  NodeMask mask{};
  int mode = 0;
  // The kernel reads one bit less than it is told (get_mempolicy(2), BUGS).
  if (get_mempolicy(&mode, mask.data(), kMaxNodes + 1, nullptr, 0) != 0) return nodes;
  constexpr int kModeFlags = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES;
  if ((mode & ~kModeFlags) != MPOL_BIND) return nodes;
  for (size_t node = 0; node < kMaxNodes; ++node) {
    if ((mask[node / kWordBits] >> (node % kWordBits) & 1UL) != 0) {
      nodes.push_back(static_cast<int>(node));
    }
  }
  return nodes;
}

std::string KernelRelease() {
  utsname name{};
  return uname(&name) == 0 ? name.release : "";
}

size_t PageBytes() {
  const long bytes = sysconf(_SC_PAGESIZE);
  return bytes > 0 ? static_cast<size_t>(bytes) : 4096;
}

}  // namespace memtiers
