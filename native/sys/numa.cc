#include "sys/numa.h"

#include <numaif.h>

#include <cerrno>
#include <charconv>
#include <climits>
#include <string>
#include <utility>
#include <vector>

#include "sys/text_file.h"

namespace memtiers {
namespace {

// <linux/mempolicy.h> of Linux 6.9; libnuma's headers are older.
constexpr int kWeightedInterleave = 6;

Status SetPolicy(std::byte* address, size_t bytes, int mode, std::span<const int> nodes) {
  constexpr size_t kBitsPerWord = sizeof(unsigned long) * CHAR_BIT;
  std::vector<unsigned long> mask;
  std::string names;
  for (const int node : nodes) {
    const auto bit = static_cast<size_t>(node);
    if (mask.size() <= bit / kBitsPerWord) mask.resize(bit / kBitsPerWord + 1);
    mask[bit / kBitsPerWord] |= 1UL << (bit % kBitsPerWord);
    names += (names.empty() ? "node " : ", ") + std::to_string(node);
  }
  // The kernel looks at maxnode - 1 bits (BUGS in get_mempolicy(2)).
  const unsigned long max_node = mask.size() * kBitsPerWord + 1;
  if (mbind(address, bytes, mode, mask.data(), max_node, 0) != 0) {
    return Status::FromErrno(errno, "mbind", std::move(names));
  }
  return {};
}

}  // namespace

Status PreferNode(std::byte* address, size_t bytes, int node) {
  return SetPolicy(address, bytes, MPOL_PREFERRED, std::span(&node, 1));
}

Status InterleaveNodes(std::byte* address, size_t bytes, std::span<const int> nodes,
                       InterleaveMode mode) {
  return SetPolicy(address, bytes,
                   mode == InterleaveMode::kWeighted ? kWeightedInterleave : MPOL_INTERLEAVE,
                   nodes);
}

Result<std::vector<uint64_t>> KernelInterleaveWeights(std::span<const int> nodes) {
  std::vector<uint64_t> weights;
  for (const int node : nodes) {
    const std::string path =
        "/sys/kernel/mm/mempolicy/weighted_interleave/node" + std::to_string(node);
    const Result<std::string> text = ReadTextFile(path);
    uint64_t weight = 0;
    if (text.ok()) {
      const std::string& digits = text.value();
      std::from_chars(digits.data(), digits.data() + digits.size(), weight);
    }
    if (weight == 0) return Status(Code::kUnavailable, path + ": no weight");
    weights.push_back(weight);
  }
  return weights;
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
