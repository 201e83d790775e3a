// Anonymous memory, on a node or anywhere: room is checked before, placement verified after.
//
// Thread-safe. Shared by the numa and the simulated backend.
#pragma once

#include <cstddef>
#include <optional>

#include "base/status.h"
#include "memory/backend.h"

namespace memtiers {

struct NodeMemoryRequest {
  std::byte* address = nullptr;
  size_t bytes = 0;
  std::optional<int> node;
  // Populate whatever the size; otherwise only runs of a few chunks are.
  bool populate = false;
  // Populate nothing.
  bool deferred = false;
};

// Maps zero-filled memory over reserved address space. The value says whether the memory is known
// to lie on the node, or is bound to it and untouched; false where a container refuses to bind or
// to tell.
//
// kFull: the node or machine has not that much left above its head-room. kMisplaced: the pages
// ended up on another node and could not be moved. The range may then still be mapped.
Result<bool> MapNodeMemory(const NodeMemoryRequest& request);

// The same for a backend's run, whose chunks need no backing of their own.
Result<MappedRun> MapNodeRun(const MapRequest& request, std::optional<int> node);

// False while all memory of the node is offline.
bool NodeHasMemory(int node);

// kFull when the node does not have `bytes` left above its head-room, kUnavailable when its memory
// is offline. Ok where nobody can tell.
Status CheckNodeRoom(int node, size_t bytes);

// Whether memory can be bound to the node at all. kUnavailable: the node does not exist, has no
// memory, or is outside this process' cpuset. kNoPermission: a container's filter refuses to say.
Status ProbeNode(int node);

// Memory never handed out: 3 %, above 1 GiB at least 100 and at most 1500 MB.
size_t HeadRoomBytes(size_t total_bytes);

}  // namespace memtiers
