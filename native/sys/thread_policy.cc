#include "sys/thread_policy.h"

#include <numaif.h>

#include <array>
#include <cerrno>
#include <climits>
#include <string>

namespace memtiers {
namespace {

// The kernel refuses masks of fewer bits than it has nodes; 1024 is the most Linux is built for.
constexpr size_t kMaxNodes = 1024;
constexpr size_t kWordBits = sizeof(unsigned long) * CHAR_BIT;
using NodeMask = std::array<unsigned long, kMaxNodes / kWordBits>;

}  // namespace

Result<ThreadPolicy> GetThreadPolicy() {
  ThreadPolicy policy;
  NodeMask mask{};
  // The kernel looks at one bit less than it is told (BUGS in get_mempolicy(2)).
  if (get_mempolicy(&policy.mode, mask.data(), kMaxNodes + 1, nullptr, 0) != 0) {
    return Status::FromErrno(errno, "get_mempolicy", "the memory policy of this thread");
  }
  for (size_t node = 0; node < kMaxNodes; ++node) {
    if ((mask[node / kWordBits] >> (node % kWordBits) & 1UL) != 0) {
      policy.nodes.push_back(static_cast<int>(node));
    }
  }
  return policy;
}

Status SetThreadPolicy(const ThreadPolicy& policy) {
  NodeMask mask{};
  std::string names;
  for (const int node : policy.nodes) {
    names += " " + std::to_string(node);
    const auto bit = static_cast<size_t>(node);
    if (bit >= kMaxNodes) return {Code::kUnavailable, "there is no node" + names};
    mask[bit / kWordBits] |= 1UL << (bit % kWordBits);
  }
  const bool named = !policy.nodes.empty();
  if (set_mempolicy(policy.mode, named ? mask.data() : nullptr, named ? kMaxNodes + 1 : 0) != 0) {
    const std::string what = "memory of this thread on nodes" + names;
    if (errno == EINVAL) {
      return Status::FromErrno(Code::kUnavailable, errno, "set_mempolicy", what);
    }
    return Status::FromErrno(errno, "set_mempolicy", what);
  }
  return {};
}

Status PreferNodeForThread(int node) {
  return SetThreadPolicy({.mode = MPOL_PREFERRED, .nodes = {node}});
}

}  // namespace memtiers
