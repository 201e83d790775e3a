#include "memory/memkind_backend.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "memory/memkind_plugin.h"
#include "sys/bus_fault.h"
#include "sys/file_system.h"
#include "sys/mapping.h"

namespace memtiers {
namespace {

// memkind carves chunks out of larger extents; aligning and its own bookkeeping cost a multiple,
// and its PMEM kind refuses files below 16 MiB. The file is sparse: what is not used costs nothing.
uint64_t PmemFileBytes(uint64_t capacity_bytes) {
  constexpr uint64_t kSlack = 64 * kMiB;
  return AlignUp(2 * capacity_bytes, kChunkBytes) + kSlack;
}

// Why a kind could not be opened: the system's reason for a directory, memkind's for its nodes.
Status OpenFailure(const MemkindBackendParams& params, std::string what, int error,
                   const char* reason) {
  if (params.kind == MEMTIERS_MEMKIND_PMEM) what += ", directory " + params.directory;
  if (*reason == '\0') return Status::FromErrno(error, "", std::move(what));
  what += std::string(": ") + reason;
  // memkind finds nodes by firmware figures and by distance, and some machines mislead it.
  if (params.kind == MEMTIERS_MEMKIND_HBW) what += "; MEMKIND_HBW_NODES can name the nodes";
  if (params.kind == MEMTIERS_MEMKIND_DAX_KMEM) {
    what += "; MEMKIND_DAX_KMEM_NODES can name the nodes";
  }
  return {Code::kUnavailable, std::move(what)};
}

}  // namespace

Result<std::unique_ptr<Backend>> MemkindBackend::Open(const MemkindBackendParams& params) {
  const Result<const MemtiersMemkindApi*> api = LoadMemkindPlugin(params.plugin_path);
  if (!api.ok()) return api.status();
  std::array<char, 256> reason{};
  const MemtiersMemkindOpen request = {
      .kind = params.kind,
      .directory = params.directory.c_str(),
      .max_bytes = PmemFileBytes(params.capacity_bytes),
      .reason = reason.data(),
      .reason_bytes = reason.size(),
  };
  void* handle = nullptr;
  const int error = api.value()->open(&request, &handle);
  if (error != 0) return OpenFailure(params, MemkindVersion(*api.value()), error, reason.data());
  return std::unique_ptr<Backend>(new MemkindBackend(api.value(), handle, params));
}

MemkindBackend::MemkindBackend(const MemtiersMemkindApi* api, void* handle,
                               const MemkindBackendParams& params)
    : api_(api),
      handle_(handle),
      file_backed_(params.kind == MEMTIERS_MEMKIND_PMEM),
      directory_(params.directory),
      durable_(file_backed_ && OutlivesPower(directory_)),
      note_(MemkindVersion(*api)) {
  if (!file_backed_) note_ += ", preferring its nodes: a full one spills to others";
}

MemkindBackend::~MemkindBackend() { api_->close(handle_); }

Result<MappedRun> MemkindBackend::Map(const MapRequest& request) {
  void* memory = nullptr;
  const size_t bytes = request.chunks * kChunkBytes;
  const int error = api_->allocate(handle_, kChunkBytes, bytes, &memory);
  if (error != 0) {
    return Status::FromErrno(error, "", note_ + ", " + std::to_string(bytes / kMiB) + " MiB");
  }
  auto* const address = static_cast<std::byte*>(memory);
  const uint64_t slot = next_slot_++;
  runs_.emplace(slot, memory);
  bool damaged = false;
  Status cleared = Clear(address, bytes, damaged);
  if (!cleared.ok()) {
    if (damaged) {
      retired_ += request.chunks;
    } else {
      Release(std::array{Backing{.slot = slot}});
    }
    return cleared;
  }
  // It does not say which node it prefers, so nothing can be verified; a file's place is known.
  MappedRun run{.address = address,
                .backings = std::vector<Backing>(request.chunks, {.verified = file_backed_})};
  run.backings.front().slot = slot;
  return run;
}

// memkind reuses memory without clearing it. Its file has blocks when it comes from the system, but
// that is not for ever: a device fails, and others can punch holes. Touching it is a SIGBUS then.
Status MemkindBackend::Clear(std::byte* address, size_t bytes, bool& damaged) const {
  if (!file_backed_) {
    std::memset(address, 0, bytes);
    return {};
  }
  const Result<std::unique_ptr<BusFaultGuard>> guard =
      BusFaultGuard::Guard(address, bytes, std::make_shared<DamageCounter>(0));
  if (!guard.ok()) return guard.status();
  Status populated = PopulateWrite(address, bytes);
  if (populated.ok()) std::memset(address, 0, bytes);
  const bool replaced = guard.value()->record().Any(0, bytes);
  if (populated.ok() && !replaced) return {};
  if (!populated.ok() && populated.code() != Code::kLost) return populated;
  // The kernel says the same of a full disk and of a broken one.
  const Result<FileSystemState> state = InspectFileSystem(directory_);
  const bool full = state.ok() && state.value().free_bytes < bytes;
  // Without a page replaced, what did not fit can be used once there is room.
  damaged = replaced || !full;
  const std::string what = note_ + ", directory " + directory_ + ", " +
                           std::to_string(bytes / kMiB) + " MiB could not be cleared";
  return Status::FromErrno(full ? Code::kFull : Code::kIo, populated.error(), populated.syscall(),
                           what);
}

void MemkindBackend::Release(std::span<const Backing> backings) {
  for (const Backing& backing : backings) {
    const auto run = runs_.find(backing.slot);
    if (run == runs_.end()) continue;  // not the run's first chunk
    api_->release(handle_, run->second);
    runs_.erase(run);
  }
}

Status MemkindBackend::Prefault(std::byte* address, size_t bytes) const {
  return file_backed_ ? PopulateRead(address, bytes) : PopulateWrite(address, bytes);
}

Result<bool> MemkindBackend::Flush(std::byte* address, size_t bytes) const {
  if (!durable_) return false;
  return write_back_.Flush(address, bytes);
}

}  // namespace memtiers
