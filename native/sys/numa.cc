#include "sys/numa.h"

#include <numaif.h>

#include <cerrno>
#include <climits>
#include <string>
#include <vector>

namespace memtiers {

Status PreferNode(std::byte* address, size_t bytes, int node) {
  constexpr size_t kBitsPerWord = sizeof(unsigned long) * CHAR_BIT;
  const auto bit = static_cast<size_t>(node);
  std::vector<unsigned long> mask(bit / kBitsPerWord + 1);
  mask[bit / kBitsPerWord] = 1UL << (bit % kBitsPerWord);
  // The kernel looks at maxnode - 1 bits (BUGS in get_mempolicy(2)).
  const unsigned long max_node = mask.size() * kBitsPerWord + 1;
  if (mbind(address, bytes, MPOL_PREFERRED, mask.data(), max_node, 0) != 0) {
    return Status::FromErrno(errno, "mbind", "node " + std::to_string(node));
  }
  return {};
}

Status QueryPages(std::span<std::byte* const> pages, std::span<int> status) {
  auto** addresses = const_cast<void**>(reinterpret_cast<void* const*>(pages.data()));
  if (move_pages(0, pages.size(), addresses, nullptr, status.data(), 0) < 0) {
    return Status::FromErrno(errno, "move_pages",
                             "query of " + std::to_string(pages.size()) + " pages");
  }
  return {};
}

Status MovePages(std::span<std::byte* const> pages, int node, std::span<int> status) {
  const std::vector<int> nodes(pages.size(), node);
  auto** addresses = const_cast<void**>(reinterpret_cast<void* const*>(pages.data()));
  // A positive return is the number of pages not moved; the statuses say more.
  if (move_pages(0, pages.size(), addresses, nodes.data(), status.data(), MPOL_MF_MOVE) < 0) {
    return Status::FromErrno(
        errno, "move_pages",
        std::to_string(pages.size()) + " pages to node " + std::to_string(node));
  }
  return {};
}

}  // namespace memtiers
