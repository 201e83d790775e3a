#include "memory/file_backend.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "sys/backing_file.h"
#include "sys/file_system.h"
#include "sys/hole_puncher.h"
#include "sys/mapping.h"
#include "sys/probe.h"

namespace memtiers {

Result<std::unique_ptr<Backend>> FileBackend::Open(const FileBackendParams& params) {
  Result<UniqueFd> fd = OpenUnnamedFile(params.directory);
  if (!fd.ok()) return fd.status();
  std::unique_ptr<FileBackend> backend(new FileBackend(std::move(fd.value()), params));
  if (!backend->durable_) {
    backend->note_ = "not durable: a file system in memory";
  } else if (params.dax) {
    backend->ProbeSync();
  }
  return std::unique_ptr<Backend>(std::move(backend));
}

FileBackend::FileBackend(UniqueFd fd, const FileBackendParams& params)
    : directory_(params.directory),
      dax_(params.dax),
      fd_(std::move(fd)),
      durable_(OutlivesPower(fd_.get())),
      slots_(AlignUp(params.capacity_bytes, kChunkBytes) / kChunkBytes) {}

std::optional<std::string> FileBackend::drive_directory() const {
  if (dax_) return std::nullopt;
  return directory_;
}

// Whether MAP_SYNC works depends on device, file system and mount options; only trying tells.
void FileBackend::ProbeSync() {
  const size_t page = PageBytes();
  Result<std::byte*> address = ReserveAddressSpace(page, page);
  if (!address.ok()) return;
  Status mapped = AllocateRange(fd_.get(), 0, page);
  if (mapped.ok()) mapped = MapFile(address.value(), page, {.fd = fd_.get(), .sync = true});
  ReleaseAddressSpace(address.value(), page);
  (void)PunchHole(fd_.get(), 0, page);
  sync_ = mapped.ok();
  note_ = sync_
              ? "mapped with MAP_SYNC"
              : "mapped without MAP_SYNC: this file system does not map persistent memory directly";
}

FileBackend::~FileBackend() { HolePuncher::Get().Forget(this); }

std::optional<uint64_t> FileBackend::TakeFree(uint32_t count) {
  const std::lock_guard lock(mutex_);
  return slots_.Take(count);
}

std::optional<uint64_t> FileBackend::TakeSlots(uint32_t& count) {
  std::optional<uint64_t> first = TakeFree(count);
  if (!first.has_value()) {
    HolePuncher::Get().Finish();
    first = TakeFree(count);
  }
  while (!first.has_value() && count > 1) first = TakeFree(count /= 2);
  return first;
}

bool FileBackend::TakeUnpunched(uint64_t slot) {
  const std::lock_guard lock(mutex_);
  return unpunched_.erase(slot) > 0;
}

Status FileBackend::AllocateSlots(uint64_t first, uint32_t count, bool overwritten) {
  Status allocated = AllocateRange(fd_.get(), first * kChunkBytes, count * kChunkBytes);
  // Room on its way back may be what is missing, from whatever file it comes.
  if (allocated.code() == Code::kFull) {
    HolePuncher::Get().Finish();
    allocated = AllocateRange(fd_.get(), first * kChunkBytes, count * kChunkBytes);
  }
  for (uint64_t slot = first; allocated.ok() && slot < first + count; ++slot) {
    if (!TakeUnpunched(slot) || overwritten) continue;
    allocated = WriteZeroes(fd_.get(), slot * kChunkBytes, kChunkBytes);
    if (allocated.ok()) continue;
    const std::lock_guard lock(mutex_);
    unpunched_.insert(slot);
  }
  return allocated;
}

void FileBackend::ReleaseSlots(uint64_t first, uint32_t count) {
  HolePuncher::Get().Punch(this, fd_.get(), first * kChunkBytes, count * kChunkBytes,
                           [=, this](bool punched) { GiveSlots(first, count, punched); });
}

void FileBackend::GiveSlots(uint64_t first, uint32_t count, bool punched) {
  const std::lock_guard lock(mutex_);
  if (!punched) {
    for (uint64_t slot = first; slot < first + count; ++slot) unpunched_.insert(slot);
  }
  slots_.Give(first, count);
}

Result<MappedRun> FileBackend::Map(const MapRequest& request) {
  MappedRun run{.address = request.address, .backings = {}};
  run.backings.reserve(request.chunks);
  Status failure;
  for (uint32_t done = 0; failure.ok() && done < request.chunks;) {
    // One stretch when there is one, so that it is one mapping; else the pieces there are.
    uint32_t count = request.chunks - done;
    const std::optional<uint64_t> first = TakeSlots(count);
    if (!first.has_value()) {
      failure = Status(Code::kFull, "file of " + std::to_string(request.chunks) + " more chunks");
      break;
    }
    failure = AllocateSlots(*first, count, request.overwritten);
    if (!failure.ok()) {
      ReleaseSlots(*first, count);
      break;
    }
    for (uint32_t i = 0; i < count; ++i) run.backings.push_back({.slot = *first + i});
    std::byte* address = request.address + done * kChunkBytes;
    failure = MapFile(address, count * kChunkBytes,
                      {.fd = fd_.get(), .offset = *first * kChunkBytes, .sync = sync_});
    if (failure.ok() && request.populate) failure = PopulateWrite(address, count * kChunkBytes);
    if (failure.code() == Code::kLost) {
      // The drive's fault, and nobody's bytes: there were none yet.
      const size_t bad = run.backings.size() - count;
      Retire(std::span(run.backings).subspan(bad));
      run.backings.resize(bad);
      failure = Status::FromErrno(Code::kIo, failure.error(), failure.syscall(), failure.what());
    }
    done += count;
  }
  if (failure.ok()) return run;
  // What is still mapped there reads as zero from here on; nobody has seen the address yet.
  Release(run.backings);
  return failure;
}

Status FileBackend::MapAgain(std::byte* address, const Backing& backing) const {
  return MapFile(address, kChunkBytes,
                 {.fd = fd_.get(), .offset = backing.slot * kChunkBytes, .sync = sync_});
}

Result<Backing> FileBackend::Obtain() {
  uint32_t count = 1;
  const std::optional<uint64_t> slot = TakeSlots(count);
  if (!slot.has_value()) return Status(Code::kFull, "file of 1 more chunk");
  Status allocated = AllocateSlots(*slot, 1, true);
  if (allocated.ok()) return Backing{.slot = *slot};
  ReleaseSlots(*slot, 1);
  return allocated;
}

Status FileBackend::Write(const Backing& backing, size_t offset,
                          std::span<const std::byte> bytes) const {
  return WriteAt(fd_.get(), backing.slot * kChunkBytes + offset, bytes);
}

void FileBackend::Release(std::span<const Backing> backings) {
  for (size_t i = 0; i < backings.size();) {
    size_t end = i + 1;
    while (end < backings.size() && backings[end].slot == backings[end - 1].slot + 1) ++end;
    ReleaseSlots(backings[i].slot, static_cast<uint32_t>(end - i));
    i = end;
  }
}

Status FileBackend::Prefault(std::byte* address, size_t bytes) const {
  // The whole range at once instead of fault by fault; with DAX there is nothing to read.
  if (!dax_) StartReading(address, bytes);
  // For reading: a write fault would mark clean pages dirty and have them written out again.
  return PopulateRead(address, bytes);
}

Result<bool> FileBackend::Flush(std::byte* address, size_t bytes) const {
  if (!durable_) return false;
  return write_back_.Flush(address, bytes);
}

}  // namespace memtiers
