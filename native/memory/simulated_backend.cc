#include "memory/simulated_backend.h"

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
  return MapNodeRun(request, node_);
}

Status SimulatedBackend::Prefault(std::byte* address, size_t bytes) const {
  return PopulateWrite(address, bytes);
}

}  // namespace memtiers
