#include "memory/simulated_backend.h"

#include "base/bytes.h"
#include "memory/node_memory.h"
#include "sys/mapping.h"

namespace memtiers {

Result<std::unique_ptr<Backend>> SimulatedBackend::Open(std::optional<int> node) {
  if (node.has_value()) {
    const Status probed = ProbeNode(*node);
    if (!probed.ok() && probed.code() != Code::kNoPermission) return probed;
  }
  return std::unique_ptr<Backend>(new SimulatedBackend(node));
}

Result<MappedRun> SimulatedBackend::Map(const MapRequest& request) {
  const Result<bool> verified = MapNodeMemory({.address = request.address,
                                               .bytes = request.chunks * kChunkBytes,
                                               .node = node_,
                                               .populate = request.populate});
  if (!verified.ok()) return verified.status();
  const Backing backing{.verified = verified.value()};
  return MappedRun{.address = request.address,
                   .backings = std::vector<Backing>(request.chunks, backing)};
}

Status SimulatedBackend::Prefault(std::byte* address, size_t bytes) const {
  return PopulateWrite(address, bytes);
}

}  // namespace memtiers
