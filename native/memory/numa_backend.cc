#include "memory/numa_backend.h"

#include <utility>

#include "memory/node_memory.h"
#include "sys/mapping.h"

namespace memtiers {

Result<std::unique_ptr<Backend>> NumaBackend::Open(int node) {
  const Status probed = ProbeNode(node);
  std::string note;
  if (probed.code() == Code::kNoPermission) {
    note =
        "mbind is refused here (container without CAP_SYS_NICE?): placement is the kernel's choice";
  } else if (!probed.ok()) {
    return probed;
  }
  return std::unique_ptr<Backend>(new NumaBackend(node, std::move(note)));
}

bool NumaBackend::available() const { return NodeHasMemory(node_); }

Result<MappedRun> NumaBackend::Map(const MapRequest& request) { return MapNodeRun(request, node_); }

Status NumaBackend::Prefault(std::byte* address, size_t bytes) const {
  return PopulateWrite(address, bytes);
}

}  // namespace memtiers
