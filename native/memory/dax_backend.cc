#include "memory/dax_backend.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "sys/cache_writeback.h"
#include "sys/mapping.h"

namespace memtiers {

Result<std::unique_ptr<Backend>> DaxBackend::Open(const DaxBackendParams& params) {
  Result<LockedDaxDevice> device = OpenDaxDevice(params.path);
  if (!device.ok()) return device.status();
  if (device.value().align_bytes > kChunkBytes) {
    return Status(Code::kUnavailable, params.path + " is aligned to " +
                                          std::to_string(device.value().align_bytes / kMiB) +
                                          " MiB; recreate its namespace with 2 MiB alignment");
  }
  const uint64_t slots =
      std::min(AlignUp(params.capacity_bytes, kChunkBytes), device.value().size_bytes) /
      kChunkBytes;
  std::string note = std::to_string(device.value().size_bytes / kMiB) + " MiB device";
  return std::unique_ptr<Backend>(
      new DaxBackend(std::move(device.value()), slots, std::move(note)));
}

std::optional<uint64_t> DaxBackend::TakeSlots(uint32_t& count) {
  const std::lock_guard lock(mutex_);
  std::optional<uint64_t> first = slots_.Take(count);
  while (!first.has_value() && count > 1) first = slots_.Take(count /= 2);
  return first;
}

Result<MappedRun> DaxBackend::Map(const MapRequest& request) {
  MappedRun run{.address = request.address, .backings = {}};
  for (uint32_t done = 0; done < request.chunks;) {
    uint32_t count = request.chunks - done;
    const std::optional<uint64_t> first = TakeSlots(count);
    Status mapped(Code::kFull, "device, " + std::to_string(request.chunks) + " more chunks");
    std::byte* address = request.address + done * kChunkBytes;
    if (first.has_value()) {
      for (uint32_t i = 0; i < count; ++i) run.backings.push_back({.slot = *first + i});
      mapped = MapFile(address, count * kChunkBytes,
                       {.fd = device_.fd.get(), .offset = *first * kChunkBytes});
    }
    if (!mapped.ok()) {
      Release(run.backings);
      return mapped;
    }
    // A device keeps what its last user left.
    if (!request.overwritten) std::memset(address, 0, count * kChunkBytes);
    done += count;
  }
  return run;
}

Status DaxBackend::MapAgain(std::byte* address, const Backing& backing) const {
  return MapFile(address, kChunkBytes,
                 {.fd = device_.fd.get(), .offset = backing.slot * kChunkBytes});
}

void DaxBackend::Release(std::span<const Backing> backings) {
  const std::lock_guard lock(mutex_);
  for (const Backing& backing : backings) slots_.Give(backing.slot, 1);
}

Status DaxBackend::Prefault(std::byte* address, size_t bytes) const {
  return PopulateRead(address, bytes);
}

bool DaxBackend::durable() const {
  // Of no bytes: whether the processor has an instruction for it.
  return device_.persistent && WriteBackCaches(nullptr, 0);
}

Result<bool> DaxBackend::Flush(std::byte* address, size_t bytes) const {
  // msync does not know device mappings.
  return device_.persistent && WriteBackCaches(address, bytes);
}

}  // namespace memtiers
