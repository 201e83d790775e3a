#include "memory/node_memory.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "memory/room_estimate.h"
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

std::string Describe(std::optional<int> node, size_t bytes) {
  const std::string where = node.has_value() ? "node " + std::to_string(*node) : "any node";
  return where + ", " + std::to_string(bytes / kMiB) + " MiB";
}

// Kept to the end of the process, whose other threads may still be moving chunks.
RoomEstimate& EstimateOf(std::optional<int> node) {
  static auto& mutex = *new std::mutex;
  static auto& estimates = *new std::map<int, RoomEstimate>;
  const std::lock_guard lock(mutex);
  return estimates[node.value_or(-1)];
}

Status CheckRoom(std::optional<int> node, size_t bytes) {
  const Result<AvailableMemory> memory = EstimateOf(node).Take(
      bytes, HeadRoomBytes, RoomEstimate::Clock::now(),
      [node] { return node.has_value() ? AvailableOnNode(*node) : AvailableOnMachine(); });
  // Without /sys or /proc nobody knows; the budget has to do.
  if (!memory.ok()) return {};
  if (memory.value().total_bytes == 0) {
    return {Code::kUnavailable, Describe(node, bytes) + ": the node has no memory now"};
  }
  const size_t needed = bytes + HeadRoomBytes(memory.value().total_bytes);
  if (memory.value().available_bytes >= needed) return {};
  return {Code::kFull, Describe(node, bytes) + ": only " +
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
Result<bool> AllOnNode(std::byte* address, size_t bytes, int node) {
  bool all = true;
  const Status queried = ForEachBatch(address, bytes, [&](auto pages, auto status) {
    Status answer = QueryPages(pages, status);
    for (const int where : status) all = all && where == node;
    return answer;
  });
  if (!queried.ok()) return queried;
  return all;
}

// A preferred node whose free memory is page cache spills to another node instead of reclaiming.
// Moving small pages to it does reclaim, and unlike a strict binding fails with ENOMEM instead of
// calling the OOM killer.
Status MoveToNode(std::byte* address, size_t bytes, int node) {
  return ForEachBatch(address, bytes,
                      [&](auto pages, auto status) { return MovePages(pages, node, status); });
}

// For huge pages the kernel does not reclaim (Linux 6.12), so the range is made of small ones. What
// was populated is dropped: nobody has seen it yet.
Status RemapInSmallPages(std::byte* address, size_t bytes, int node) {
  Status status = MapAnonymous(address, bytes);
  if (!status.ok()) return status;
  AdviseSmallPages(address, bytes);
  status = PreferNode(address, bytes, node);
  if (status.ok()) status = PopulateWrite(address, bytes);
  if (status.ok()) status = MoveToNode(address, bytes, node);
  // As its neighbours are, so that they stay one mapping; the kernel may join the pages later.
  AdviseHugePages(address, bytes);
  return status;
}

Result<bool> VerifyPlacement(std::byte* address, size_t bytes, int node, bool bound) {
  Result<bool> placed = AllOnNode(address, bytes, node);
  // Where the kernel will not tell, memory is allocated all the same; it just does not count as
  // verified.
  if (!placed.ok()) return false;
  if (placed.value()) return true;
  Status moved = MoveToNode(address, bytes, node);
  placed = AllOnNode(address, bytes, node);
  if (placed.ok() && placed.value()) return true;
  if (!bound) return false;
  moved = RemapInSmallPages(address, bytes, node);
  placed = AllOnNode(address, bytes, node);
  if (placed.ok() && placed.value()) return true;
  // Close to its head-room a node is as good as full: the kernel keeps reserves of its own.
  const Result<AvailableMemory> memory = AvailableOnNode(node);
  const bool full = moved.error() == ENOMEM ||
                    (memory.ok() && memory.value().available_bytes <
                                        bytes + 2 * HeadRoomBytes(memory.value().total_bytes));
  return Status(full ? Code::kFull : Code::kMisplaced,
                Describe(node, bytes) + ": the kernel placed pages on another node");
}

}  // namespace

size_t HeadRoomBytes(size_t total_bytes) {
  constexpr size_t kPercent = 3;
  const size_t share = total_bytes / 100 * kPercent;
  if (total_bytes <= kGiB) return share;
  return std::clamp<size_t>(share, 100'000'000, 1'500'000'000);
}

Result<bool> MapNodeMemory(const NodeMemoryRequest& request) {
  Status room = CheckRoom(request.node, request.bytes);
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
                 ? Status(Code::kUnavailable,
                          Describe(request.node, request.bytes) + ": no such node for this process")
                 : preferred;
    }
  }
  const bool eager = request.node.has_value() && request.bytes <= kEagerBytes;
  if (request.deferred || (!request.populate && !eager)) return bound;

  Status populated = PopulateWrite(request.address, request.bytes);
  if (!populated.ok()) return populated;
  if (!request.node.has_value()) return true;
  return VerifyPlacement(request.address, request.bytes, *request.node, bound);
}

Result<MappedRun> MapNodeRun(const MapRequest& request, std::optional<int> node) {
  const Result<bool> verified = MapNodeMemory({.address = request.address,
                                               .bytes = request.chunks * kChunkBytes,
                                               .node = node,
                                               .populate = request.populate,
                                               .deferred = request.deferred});
  if (!verified.ok()) return verified.status();
  const Backing backing{.verified = verified.value()};
  return MappedRun{.address = request.address,
                   .backings = std::vector<Backing>(request.chunks, backing)};
}

bool NodeHasMemory(int node) {
  const Result<AvailableMemory> memory = AvailableOnNode(node);
  // Without /sys nobody knows.
  return !memory.ok() || memory.value().total_bytes > 0;
}

Status CheckNodeRoom(int node, size_t bytes) { return CheckRoom(node, bytes); }

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
