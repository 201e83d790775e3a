#include "memory/slot_backend.h"

#include <cstring>
#include <string>

#include "base/bytes.h"
#include "sys/mapping.h"

namespace memtiers {

Result<MappedRun> SlotBackend::Map(const MapRequest& request) {
  MappedRun run{.address = request.address, .backings = {}};
  // One stretch when there is one, so that it is one mapping; else the pieces there are.
  for (uint64_t done = 0; done < request.chunks;) {
    uint64_t count = request.chunks - done;
    Status mapped(Code::kFull, std::string(BackendKindName(kind())) + ", " + std::to_string(count) +
                                   " more chunks");
    const std::optional<uint64_t> first = TakeSlots(count);
    std::byte* const address = request.address + done * kChunkBytes;
    if (first.has_value()) {
      for (uint64_t i = 0; i < count; ++i) run.backings.push_back({.slot = *first + i});
      mapped = MapSlots(address, *first, count);
    }
    if (!mapped.ok()) {
      Release(run.backings);
      return mapped;
    }
    if (!request.overwritten) std::memset(address, 0, count * kChunkBytes);
    done += count;
  }
  return run;
}

Status SlotBackend::MapAgain(std::byte* address, const Backing& backing) const {
  return MapSlots(address, backing.slot, 1);
}

Status SlotBackend::Prefault(std::byte* address, size_t bytes) const {
  return PopulateRead(address, bytes);
}

}  // namespace memtiers
