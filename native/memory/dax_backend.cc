#include "memory/dax_backend.h"

#include <algorithm>
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

std::optional<uint64_t> DaxBackend::TakeSlots(uint64_t& count) {
  const std::lock_guard lock(mutex_);
  std::optional<uint64_t> first = slots_.Take(count);
  while (!first.has_value() && count > 1) first = slots_.Take(count /= 2);
  return first;
}

Status DaxBackend::MapSlots(std::byte* address, uint64_t first, uint64_t count) const {
  return MapFile(address, count * kChunkBytes,
                 {.fd = device_.fd.get(), .offset = first * kChunkBytes});
}

void DaxBackend::Release(std::span<const Backing> backings) {
  const std::lock_guard lock(mutex_);
  for (const Backing& backing : backings) slots_.Give(backing.slot, 1);
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
