// Chunks in an unlinked file: NVMe behind the page cache, or persistent memory mapped directly
// (fsdax).
//
// What is flushed has reached the drive but ends with the process: the file has no name. After a
// failed flush every other one fails as long as the backend lives.
//
// Every chunk has its blocks before it is mapped, so a full disk is kFull and never a SIGBUS. (On
// copy-on-write file systems a block can still be lost later; they promise no more.) The file has
// no name: a crash leaves nothing behind, and any number of backends share a directory. What is
// released goes back to the file system in the background; whoever needs the room waits for it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>

#include "memory/backend.h"
#include "memory/run_allocator.h"
#include "memory/write_back.h"
#include "sys/unique_fd.h"

namespace memtiers {

struct FileBackendParams {
  std::string directory;
  uint64_t capacity_bytes = 0;
  // The directory is on fsdax: try to map synchronously.
  bool dax = false;
};

class FileBackend final : public Backend {
 public:
  // kUnavailable: no such directory, or nothing can be created in it.
  static Result<std::unique_ptr<Backend>> Open(const FileBackendParams& params);
  ~FileBackend() override;

  BackendKind kind() const override { return BackendKind::kFile; }
  std::optional<std::string> drive_directory() const override;
  std::string note() const override { return note_; }
  Result<MappedRun> Map(const MapRequest& request) override;
  Status MapAgain(std::byte* address, const Backing& backing) const override;
  bool writes_unmapped() const override { return true; }
  Result<Backing> Obtain() override;
  Status Write(const Backing& backing, size_t offset,
               std::span<const std::byte> bytes) const override;
  void Release(std::span<const Backing> backings) override;
  void Retire(std::span<const Backing> backings) override { retired_ += backings.size(); }
  uint64_t retired_chunks() const override { return retired_; }
  Status Prefault(std::byte* address, size_t bytes) const override;
  bool durable() const override { return durable_; }
  Result<bool> Flush(std::byte* address, size_t bytes) const override;

 private:
  FileBackend(UniqueFd fd, const FileBackendParams& params);

  void ProbeSync();
  // Slots in one stretch when there is one, else fewer.
  std::optional<uint64_t> TakeSlots(uint32_t& count);
  std::optional<uint64_t> TakeFree(uint32_t count);
  bool TakeUnpunched(uint64_t slot);
  Status AllocateSlots(uint64_t first, uint32_t count, bool overwritten);
  void ReleaseSlots(uint64_t first, uint32_t count);
  void GiveSlots(uint64_t first, uint32_t count, bool punched);

  std::string directory_;
  bool dax_;
  UniqueFd fd_;
  bool durable_;
  mutable WriteBack write_back_;
  std::mutex mutex_;                   // of the two below
  RunAllocator slots_;                 // a released slot is free when its blocks are gone
  std::set<uint64_t> unpunched_;       // free slots that still hold old bytes
  std::atomic<uint64_t> retired_ = 0;  // slots that stay taken, with their blocks
  bool sync_ = false;
  std::string note_;
};

}  // namespace memtiers
