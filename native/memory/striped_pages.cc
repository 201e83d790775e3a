#include "memory/striped_pages.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "memory/page_placement.h"
#include "sys/mapping.h"
#include "sys/numa.h"
#include "sys/probe.h"

namespace memtiers {
namespace {

// More is brought in by whoever touches it, where the kernel sees to its place then, too.
constexpr size_t kEagerBytes = 8 * kMiB;

constexpr size_t kPagesPerCall = 1024;

size_t Bytes(const StripeRequest& request) { return request.nodes.size() * request.stripe_bytes; }

// The node a page belongs on.
int NodeOf(const StripeRequest& request, size_t page) {
  return request.nodes[page * PageBytes() / request.stripe_bytes];
}

std::map<int, uint64_t> CountStripes(const StripeRequest& request) {
  std::map<int, uint64_t> stripes;
  for (const int node : request.nodes) ++stripes[node];
  return stripes;
}

// Whether turns of these weights give each node its stripes. The kernel begins anywhere in a turn,
// so that only whole turns are exact.
bool Gives(std::span<const uint64_t> weights, const std::map<int, uint64_t>& stripes,
           uint64_t total) {
  uint64_t turn = 0;
  for (const uint64_t weight : weights) turn += weight;
  if (total % turn != 0) return false;
  size_t i = 0;
  return std::ranges::all_of(
      stripes, [&](const auto& node) { return node.second == total / turn * weights[i++]; });
}

std::optional<InterleaveMode> KernelModeFor(const StripeRequest& request,
                                            std::span<const int> nodes,
                                            const std::map<int, uint64_t>& stripes) {
  // It deals out page by page.
  if (request.stripe_bytes != PageBytes()) return std::nullopt;
  const size_t total = request.nodes.size();
  if (Gives(std::vector<uint64_t>(stripes.size(), 1), stripes, total)) {
    return InterleaveMode::kEqual;
  }
  const Result<std::vector<uint64_t>> weights = KernelInterleaveWeights(nodes);
  if (!weights.ok() || !Gives(weights.value(), stripes, total)) return std::nullopt;
  return InterleaveMode::kWeighted;
}

// Brings in the stripes of one node at a time, under a policy that puts them there.
Status Place(const StripeRequest& request, const std::map<int, uint64_t>& stripes) {
  for (const auto& [node, count] : stripes) {
    Status status = PreferNode(request.address, Bytes(request), node);
    for (size_t begin = 0; status.ok() && begin < request.nodes.size();) {
      size_t end = begin + 1;
      while (end < request.nodes.size() && request.nodes[end] == request.nodes[begin]) ++end;
      if (request.nodes[begin] == node) {
        status = PopulateWrite(request.address + begin * request.stripe_bytes,
                               (end - begin) * request.stripe_bytes);
      }
      begin = end;
    }
    if (!status.ok()) return status;
  }
  return {};
}

// Calls `visit(page, node)` for each page that is not where it belongs; false where the kernel does
// not tell.
template <typename Visit>
bool ForEachMisplaced(const StripeRequest& request, Visit visit) {
  std::array<std::byte*, kPagesPerCall> pages;
  std::array<int, kPagesPerCall> status;
  const size_t all = Bytes(request) / PageBytes();
  for (size_t first = 0; first < all; first += kPagesPerCall) {
    const size_t count = std::min(kPagesPerCall, all - first);
    for (size_t i = 0; i < count; ++i) pages[i] = request.address + (first + i) * PageBytes();
    status.fill(-EAGAIN);
    if (!QueryPages(std::span(pages).first(count), std::span(status).first(count)).ok()) {
      return false;
    }
    for (size_t i = 0; i < count; ++i) {
      const int node = NodeOf(request, first + i);
      if (status[i] != node) visit(pages[i], node);
    }
  }
  return true;
}

// A node that is full of page cache spills; moving pages to it reclaims (see node_memory.cc).
void PutRight(const StripeRequest& request, StripedPages& result) {
  std::map<int, std::vector<std::byte*>> misplaced;
  result.verified = ForEachMisplaced(
      request, [&](std::byte* page, int node) { misplaced[node].push_back(page); });
  if (misplaced.empty()) return;
  for (const auto& [node, pages] : misplaced) {
    std::vector<int> status(pages.size(), -EAGAIN);
    (void)MovePages(pages, node, status);  // whatever it says, where they are now counts
  }
  result.verified = ForEachMisplaced(
      request, [&](std::byte* /*page*/, int /*node*/) { ++result.misplaced_pages; });
}

// By counts: where in its turn the kernel begins is its own affair.
void CountMisplaced(const StripeRequest& request, const std::map<int, uint64_t>& stripes,
                    StripedPages& result) {
  const PagePlacement placement = FindPlacement(request.address, Bytes(request));
  result.verified = placement.error == 0;
  for (const auto& [node, count] : stripes) {
    const auto found = placement.pages_by_node.find(node);
    const uint64_t there = found == placement.pages_by_node.end() ? 0 : found->second;
    result.misplaced_pages += count - std::min(count, there);
  }
}

}  // namespace

Result<StripedPages> DealPages(const StripeRequest& request) {
  if (request.nodes.empty() || request.stripe_bytes == 0 ||
      request.stripe_bytes % PageBytes() != 0) {
    return Status(Code::kInvalid, "stripes of " + std::to_string(request.stripe_bytes) +
                                      " bytes; pages are " + std::to_string(PageBytes()));
  }
  const std::map<int, uint64_t> stripes = CountStripes(request);
  std::vector<int> nodes;
  nodes.reserve(stripes.size());
  for (const auto& [node, count] : stripes) nodes.push_back(node);
  const size_t bytes = Bytes(request);
  AdviseSmallPages(request.address, bytes);

  StripedPages result;
  if (const auto mode = KernelModeFor(request, nodes, stripes); mode.has_value()) {
    const Status dealt = InterleaveNodes(request.address, bytes, nodes, *mode);
    if (dealt.ok()) {
      result.method = StripeMethod::kKernel;
      // Of a larger range nobody has looked, but every page will be born where it belongs.
      result.verified = true;
      if (bytes > kEagerBytes) return result;
      Status populated = PopulateWrite(request.address, bytes);
      if (!populated.ok()) return populated;
      CountMisplaced(request, stripes, result);
      return result;
    }
  }
  Status placed = Place(request, stripes);
  if (placed.code() == Code::kNoPermission) {
    result.error = placed.error();
    AdviseHugePages(request.address, bytes);
    return result;
  }
  if (!placed.ok()) return placed;
  result.method = StripeMethod::kPlaced;
  PutRight(request, result);
  // For what is swapped out and comes back; and it keeps automatic NUMA balancing off.
  (void)InterleaveNodes(request.address, bytes, nodes, InterleaveMode::kEqual);
  return result;
}

}  // namespace memtiers
