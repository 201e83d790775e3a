#include "memory/node_memory.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "base/bytes.h"
#include "sys/available_memory.h"
#include "sys/mapping.h"
#include "sys/numa.h"
#include "sys/probe.h"

namespace memtiers {
namespace {

// Larger runs are bound and checked for room, but populated as they are touched: their owner would
// wait for milliseconds otherwise.
constexpr size_t kEagerBytes = 8 * kMiB;

// The kernel takes 1024 pages into one step of move_pages; a query needs no more either.
constexpr size_t kPagesPerCall = 1024;

std::string Describe(const NodeMemoryRequest& request) {
  const std::string where =
      request.node.has_value() ? "node " + std::to_string(*request.node) : "any node";
  return where + ", " + std::to_string(request.bytes / kMiB) + " MiB";
}

Status CheckRoom(const NodeMemoryRequest& request) {
  const Result<AvailableMemory> memory =
      request.node.has_value() ? AvailableOnNode(*request.node) : AvailableOnMachine();
  // Without /sys or /proc nobody knows; the budget has to do.
  if (!memory.ok()) return {};
  const size_t needed = request.bytes + HeadRoomBytes(memory.value().total_bytes);
  if (memory.value().available_bytes >= needed) return {};
  return {Code::kFull, Describe(request) + ": only " +
                           std::to_string(memory.value().available_bytes / kMiB) +
                           " MiB available, head-room included"};
}

// Calls `visit(pages, status)` for each batch of the range's pages; stops at the first failure.
template <typename Visit>
Status ForEachBatch(std::byte* address, size_t bytes, Visit visit) {
  std::array<std::byte*, kPagesPerCall> pages;
  std::array<int, kPagesPerCall> status;
  const size_t batch_bytes = kPagesPerCall * PageBytes();
  for (size_t offset = 0; offset < bytes; offset += batch_bytes) {
    const size_t count = std::min(kPagesPerCall, (bytes - offset) / PageBytes());
    for (size_t i = 0; i < count; ++i) pages[i] = address + offset + i * PageBytes();
    status.fill(-EAGAIN);
    Status visited = visit(std::span(pages).first(count), std::span(status).first(count));
    if (!visited.ok()) return visited;
  }
  return {};
}

// Whether all pages are present on the node.
Result<bool> AllOnNode(const NodeMemoryRequest& request) {
  bool all = true;
  const Status queried = ForEachBatch(request.address, request.bytes, [&](auto pages, auto status) {
    Status answer = QueryPages(pages, status);
    for (const int node : status) all = all && node == *request.node;
    return answer;
  });
  if (!queried.ok()) return queried;
  return all;
}

// A preferred node whose free memory is page cache spills to another node instead of reclaiming.
// Moving pages to it does reclaim, and unlike a strict binding fails with ENOMEM instead of calling
// the OOM killer.
Status MoveToNode(const NodeMemoryRequest& request) {
  return ForEachBatch(request.address, request.bytes, [&](auto pages, auto status) {
    return MovePages(pages, *request.node, status);
  });
}

Result<bool> VerifyPlacement(const NodeMemoryRequest& request, bool bound) {
  Result<bool> placed = AllOnNode(request);
  if (!placed.ok())
    return false;  // the kernel will not tell; allocating anyway is the documented choice
  if (placed.value()) return true;
  const Status moved = MoveToNode(request);
  placed = AllOnNode(request);
  if (placed.ok() && placed.value()) return true;
  if (!bound) return false;
  return Status(moved.error() == ENOMEM ? Code::kFull : Code::kMisplaced,
                Describe(request) + ": the kernel placed pages on another node");
}

}  // namespace

size_t HeadRoomBytes(size_t total_bytes) {
  constexpr size_t kPercent = 3;
  const size_t share = total_bytes / 100 * kPercent;
  if (total_bytes <= kGiB) return share;
  return std::clamp<size_t>(share, 100'000'000, 1'500'000'000);
}

Result<bool> MapNodeMemory(const NodeMemoryRequest& request) {
  Status room = CheckRoom(request);
  if (!room.ok()) return room;
  Status mapped = MapAnonymous(request.address, request.bytes);
  if (!mapped.ok()) return mapped;
  AdviseHugePages(request.address, request.bytes);

  bool bound = true;
  if (request.node.has_value()) {
    Status preferred = PreferNode(request.address, request.bytes, *request.node);
    bound = preferred.ok();
    if (!bound && preferred.code() != Code::kNoPermission) {
      return preferred.code() == Code::kInvalid
                 ? Status(Code::kUnavailable, Describe(request) + ": no such node for this process")
                 : preferred;
    }
  }
  const bool eager = request.node.has_value() && request.bytes <= kEagerBytes;
  if (!request.populate && !eager) return bound;

  Status populated = PopulateWrite(request.address, request.bytes);
  if (!populated.ok()) return populated;
  if (!request.node.has_value()) return true;
  return VerifyPlacement(request, bound);
}

Status ProbeNode(int node) {
  const size_t page = PageBytes();
  Result<std::byte*> address = ReserveAddressSpace(page, page);
  if (!address.ok()) return address.status();
  Status probed = PreferNode(address.value(), page, node);
  ReleaseAddressSpace(address.value(), page);
  if (probed.code() == Code::kInvalid) {
    return {Code::kUnavailable, "node " + std::to_string(node) +
                                    " does not exist, has no memory, or is not allowed here"};
  }
  return probed;
}

}  // namespace memtiers
