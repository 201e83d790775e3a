#include "bind/pool_leases.h"

#include <utility>
#include <vector>

#include "bind/external_buffer.h"

namespace memtiers {

struct PoolLeases::Hold {
  std::shared_ptr<PoolLeases> leases;
  uint32_t id = 0;

  Hold(std::shared_ptr<PoolLeases> whose, uint32_t lease) : leases(std::move(whose)), id(lease) {}
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  ~Hold() { leases->Forget(id); }
};

PoolLeases::Opened PoolLeases::Open(Napi::Env env, const SetHeld& held, uint64_t bytes) {
  if (bytes == 0) {
    // There is nothing to see, so nothing to keep.
    member_->Use([&](PoolSet& set) { set.Release(held); });
    return {.buffer = Napi::ArrayBuffer::New(env, 0), .id = 0};
  }
  // Numbers of long leases are passed over when they come round again.
  while (next_ == 0 || leases_.contains(next_)) ++next_;
  const uint32_t id = next_++;
  leases_.emplace(id, Lease{.held = held, .buffer = {}});
  const Napi::ArrayBuffer buffer = NewExternalBuffer(
      env, held.payload.data(), bytes, std::make_unique<Hold>(shared_from_this(), id));
  leases_.at(id).buffer = Napi::Weak(buffer);
  return {.buffer = buffer, .id = id};
}

void PoolLeases::Release(uint32_t id) {
  const auto lease = leases_.find(id);
  if (lease == leases_.end()) return;
  Napi::ArrayBuffer buffer = lease->second.buffer.Value();
  // Collected, and its Hold is about to go; or moved elsewhere by the program.
  if (buffer.IsEmpty() || buffer.IsDetached()) return;
  buffer.Detach();
  Forget(id);
}

void PoolLeases::Close() {
  std::vector<uint32_t> ids;
  for (const auto& [id, lease] : leases_) ids.push_back(id);
  for (const uint32_t id : ids) Release(id);
  LetGo();
}

void PoolLeases::LetGo() {
  closed_ = true;
  if (leases_.empty()) member_.reset();
}

void PoolLeases::CloseAtExit() {
  closed_ = true;
  while (!leases_.empty()) Forget(leases_.begin()->first);
  member_.reset();
}

void PoolLeases::Forget(uint32_t id) {
  const auto lease = leases_.find(id);
  if (lease == leases_.end()) return;
  const SetHeld held = std::move(lease->second.held);
  leases_.erase(lease);
  member_->Use([&](PoolSet& set) { set.Release(held); });
  if (closed_ && leases_.empty()) member_.reset();
}

}  // namespace memtiers
