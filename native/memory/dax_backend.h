// Chunks on a devdax device: persistent or CXL memory mapped without a file system or page cache.
//
// The device is locked while the backend lives. Its contents are overwritten: it is used as memory.
// What was flushed to persistent memory stays there after the process, until the next user clears
// it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "memory/backend.h"
#include "memory/run_allocator.h"
#include "sys/dax_device.h"

namespace memtiers {

struct DaxBackendParams {
  std::string path;  // e.g. /dev/dax0.0
  uint64_t capacity_bytes = 0;
};

class DaxBackend final : public Backend {
 public:
  // kUnavailable: not a devdax device, or one aligned to more than a chunk. kBusy: in use.
  static Result<std::unique_ptr<Backend>> Open(const DaxBackendParams& params);

  BackendKind kind() const override { return BackendKind::kDax; }
  std::string note() const override { return note_; }
  Result<MappedRun> Map(const MapRequest& request) override;
  Status MapAgain(std::byte* address, const Backing& backing) const override;
  void Release(std::span<const Backing> backings) override;
  void Retire(std::span<const Backing> backings) override { retired_ += backings.size(); }
  uint64_t retired_chunks() const override { return retired_; }
  Status Prefault(std::byte* address, size_t bytes) const override;
  bool durable() const override;
  Result<bool> Flush(std::byte* address, size_t bytes) const override;

 private:
  DaxBackend(LockedDaxDevice device, uint64_t slots, std::string note)
      : device_(std::move(device)), slots_(slots), note_(std::move(note)) {}

  // Slots in one stretch when there is one, else fewer.
  std::optional<uint64_t> TakeSlots(uint32_t& count);

  LockedDaxDevice device_;
  std::mutex mutex_;  // of the slots
  RunAllocator slots_;
  std::atomic<uint64_t> retired_ = 0;  // slots that stay taken
  std::string note_;
};

}  // namespace memtiers
