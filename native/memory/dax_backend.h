// Chunks on a devdax device: persistent or CXL memory mapped without a file system or page cache.
//
// The device is locked while the backend lives. Its contents are overwritten: it is used as memory.
// What was flushed to persistent memory stays there after the process, until the next user clears
// it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

#include "memory/run_allocator.h"
#include "memory/slot_backend.h"
#include "sys/dax_device.h"

namespace memtiers {

struct DaxBackendParams {
  std::string path;  // e.g. /dev/dax0.0
  uint64_t capacity_bytes = 0;
};

class DaxBackend final : public SlotBackend {
 public:
  // kUnavailable: not a devdax device, or one aligned to more than a chunk. kBusy: in use.
  static Result<std::unique_ptr<Backend>> Open(const DaxBackendParams& params);

  BackendKind kind() const override { return BackendKind::kDax; }
  std::string note() const override { return note_; }
  void Release(std::span<const Backing> backings) override;
  bool durable() const override;
  Result<bool> Flush(std::byte* address, size_t bytes) const override;

 private:
  DaxBackend(LockedDaxDevice device, uint64_t slots, std::string note)
      : device_(std::move(device)), slots_(slots), note_(std::move(note)) {}

  std::optional<uint64_t> TakeSlots(uint64_t& count) override;
  Status MapSlots(std::byte* address, uint64_t first, uint64_t count) const override;

  LockedDaxDevice device_;
  std::mutex mutex_;  // of the slots
  RunAllocator slots_;
  std::string note_;
};

}  // namespace memtiers
