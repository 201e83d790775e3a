#include "memory/persistent_backend.h"

#include <utility>

#include "base/bytes.h"
#include "sys/backing_file.h"
#include "sys/cache_writeback.h"
#include "sys/dax_device.h"
#include "sys/file_system.h"
#include "sys/mapping.h"

namespace memtiers {

Result<std::unique_ptr<Backend>> PersistentBackend::Open(const PersistentBackendParams& params) {
  if (IsCharacterDevice(params.path)) {
    Result<LockedDaxDevice> device = OpenDaxDevice(params.path);
    if (!device.ok()) return device.status();
    const uint64_t bytes = AlignUp(params.capacity_bytes, kChunkBytes);
    if (device.value().align_bytes > kChunkBytes || device.value().size_bytes < bytes) {
      return Status(Code::kFull, params.path + " of " +
                                     std::to_string(device.value().size_bytes / kMiB) +
                                     " MiB, for " + std::to_string(bytes / kMiB) + " MiB");
    }
    return std::unique_ptr<Backend>(new PersistentBackend(std::move(device.value().fd), params.path,
                                                          false, device.value().persistent));
  }
  Result<UniqueFd> fd = OpenOrCreate(params.path);
  if (!fd.ok()) return fd.status();
  const Status locked = LockExclusive(fd.value().get(), params.path);
  if (!locked.ok()) return locked;
  const bool persistent = OutlivesPower(fd.value().get());
  return std::unique_ptr<Backend>(
      new PersistentBackend(std::move(fd.value()), params.path, true, persistent));
}

Result<MappedRun> PersistentBackend::Map(const MapRequest& request) {
  if (mapped_) return Status(Code::kBusy, path_ + " is mapped already");
  const size_t bytes = request.chunks * kChunkBytes;
  if (is_file_) {
    const Status allocated = AllocateRange(fd_.get(), 0, bytes);
    if (!allocated.ok()) return allocated;
  }
  const Status mapped = MapContents(request.address, bytes);
  if (!mapped.ok()) return mapped;
  mapped_ = true;
  MappedRun run{.address = request.address, .backings = {}};
  for (uint32_t i = 0; i < request.chunks; ++i) run.backings.push_back({.slot = i});
  return run;
}

// Whether MAP_SYNC works depends on device, file system and mount options; only trying tells.
Status PersistentBackend::MapContents(std::byte* address, size_t bytes) {
  if (is_file_ && persistent_ && MapFile(address, bytes, {.fd = fd_.get(), .sync = true}).ok()) {
    note_ = "mapped with MAP_SYNC";
    return {};
  }
  return MapFile(address, bytes, {.fd = fd_.get()});
}

void PersistentBackend::Release(std::span<const Backing> backings) {
  if (!backings.empty()) mapped_ = false;
}

Status PersistentBackend::Prefault(std::byte* address, size_t bytes) const {
  return PopulateRead(address, bytes);
}

bool PersistentBackend::durable() const {
  // Of no bytes: whether the processor has an instruction for it.
  return persistent_ && (is_file_ || WriteBackCaches(nullptr, 0));
}

Result<bool> PersistentBackend::Flush(std::byte* address, size_t bytes) const {
  if (!durable()) return false;
  if (!is_file_) return WriteBackCaches(address, bytes);
  return write_back_.Flush(address, bytes);
}

}  // namespace memtiers
