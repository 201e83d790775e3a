// What backends on shared and raw devices have in common: a chunk is a numbered slot, mapped at
// whatever address asks for it, and has what its last user left.
//
// Threads and ownership as backend.h says.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "memory/backend.h"

namespace memtiers {

class SlotBackend : public Backend {
 public:
  // kFull: there are not so many slots; then none are taken.
  Result<MappedRun> Map(const MapRequest& request) override;
  Status MapAgain(std::byte* address, const Backing& backing) const override;
  void Retire(std::span<const Backing> backings) override { retired_ += backings.size(); }
  uint64_t retired_chunks() const override { return retired_; }
  Status Prefault(std::byte* address, size_t bytes) const override;

 protected:
  // The first of up to `count` slots side by side, and in `count` how many; nothing: none is free.
  virtual std::optional<uint64_t> TakeSlots(uint64_t& count) = 0;
  virtual Status MapSlots(std::byte* address, uint64_t first, uint64_t count) const = 0;

 private:
  std::atomic<uint64_t> retired_ = 0;  // slots that stay taken
};

}  // namespace memtiers
