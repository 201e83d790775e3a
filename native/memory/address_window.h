// One reservation of address space, handed out in runs of chunks. A chunk's number never changes,
// whatever backs it.
//
// Not thread-safe. Owns the reservation; the destructor unmaps it with everything in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/status.h"
#include "memory/run_allocator.h"

namespace memtiers {

class AddressWindow {
 public:
  // `bytes` is rounded up to whole chunks. kFull: the process may not have that much address space.
  static Result<AddressWindow> Reserve(size_t bytes);

  AddressWindow(AddressWindow&& other) noexcept;
  AddressWindow& operator=(AddressWindow&&) = delete;
  AddressWindow(const AddressWindow&) = delete;
  AddressWindow& operator=(const AddressWindow&) = delete;
  ~AddressWindow();

  // First of `chunks` contiguous chunks, reserved but backed by nothing.
  std::optional<uint32_t> Take(uint32_t chunks) { return free_.Take(chunks); }

  // Unmaps a run and makes it available again. When the process is out of mappings the run stays
  // taken and mapped, and the failure is returned.
  Status Give(uint32_t first, uint32_t chunks);

  std::byte* AddressOf(uint32_t chunk) const;
  uint32_t chunks() const { return chunks_; }

 private:
  AddressWindow(std::byte* base, uint32_t chunks) : base_(base), chunks_(chunks), free_(chunks) {}

  std::byte* base_;
  uint32_t chunks_;
  RunAllocator free_;
};

}  // namespace memtiers
