#include "migrate/aside.h"

#include "base/bytes.h"
#include "sys/mapping.h"

namespace memtiers {

Result<Aside> Aside::Reserve() {
  Result<std::byte*> address = ReserveAddressSpace(kChunkBytes, kChunkBytes);
  if (!address.ok()) return address.status();
  Result<std::unique_ptr<BusFaultGuard>> guard =
      BusFaultGuard::Guard(address.value(), kChunkBytes, std::make_shared<DamageCounter>(0));
  if (!guard.ok()) {
    ReleaseAddressSpace(address.value(), kChunkBytes);
    return guard.status();
  }
  return Aside(address.value(), std::move(guard.value()));
}

Aside::~Aside() {
  if (address_ == nullptr) return;
  // Before anybody else can have the address space.
  guard_.reset();
  ReleaseAddressSpace(address_, kChunkBytes);
}

bool Aside::Damaged() const { return guard_ != nullptr && guard_->record().Any(0, kChunkBytes); }

Status Aside::PutOver(std::byte* chunk) {
  // From the move on the address space here may be anybody's.
  std::unique_ptr<BusFaultGuard> guard = std::move(guard_);
  guard.reset();
  Status moved = MoveMapping(address_, chunk, kChunkBytes);
  if (moved.ok()) address_ = nullptr;
  return moved;
}

}  // namespace memtiers
