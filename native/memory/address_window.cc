#include "memory/address_window.h"

#include <limits>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "sys/mapping.h"

namespace memtiers {

Result<AddressWindow> AddressWindow::Reserve(size_t bytes) {
  const size_t chunks = bytes / kChunkBytes + (bytes % kChunkBytes != 0 ? 1 : 0);
  if (chunks == 0 || chunks > std::numeric_limits<uint32_t>::max()) {
    return Status(Code::kInvalid, "an address window of " + std::to_string(bytes) + " bytes");
  }
  Result<std::byte*> base = ReserveAddressSpace(chunks * kChunkBytes, kChunkBytes);
  if (!base.ok()) return base.status();
  return AddressWindow(base.value(), static_cast<uint32_t>(chunks));
}

AddressWindow::AddressWindow(AddressWindow&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)),
      chunks_(other.chunks_),
      free_(std::move(other.free_)) {}

AddressWindow::~AddressWindow() {
  if (base_ != nullptr) ReleaseAddressSpace(base_, chunks_ * kChunkBytes);
}

Status AddressWindow::Give(uint32_t first, uint32_t chunks) {
  Status unmapped = MapReserved(AddressOf(first), chunks * kChunkBytes);
  if (unmapped.ok()) free_.Give(first, chunks);
  return unmapped;
}

std::byte* AddressWindow::AddressOf(uint32_t chunk) const { return base_ + chunk * kChunkBytes; }

}  // namespace memtiers
