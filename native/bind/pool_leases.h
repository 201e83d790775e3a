// Values of a pool that JavaScript sees in place: an external ArrayBuffer each, detached when its
// lease is released, and until then nobody may reuse the bytes.
//
// A lease ends with whatever comes first: the program's release, the pool's closing, the
// collection of its buffer, the end of the environment. A buffer that the program has moved
// elsewhere (ArrayBuffer.prototype.transfer) can no longer be detached: its bytes stay until the
// collector has found them unreachable, and the member with them. The environment's thread.
#pragma once

#include <napi.h>

#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "bind/pool_member.h"

namespace memtiers {

class PoolLeases : public std::enable_shared_from_this<PoolLeases> {
 public:
  struct Opened {
    Napi::ArrayBuffer buffer;
    uint32_t id = 0;  // 0: nothing to release
  };

  explicit PoolLeases(std::shared_ptr<PoolMember> member) : member_(std::move(member)) {}
  PoolLeases(const PoolLeases&) = delete;
  PoolLeases& operator=(const PoolLeases&) = delete;

  // A buffer of the first `bytes` of what is held. The lease has the hold from here on, also when
  // this throws. See NewExternalBuffer. REQUIRES: Close was not called.
  Opened Open(Napi::Env env, const SetHeld& held, uint64_t bytes);

  // Detaches the buffer and lets the value go. Leases that have ended are no error.
  void Release(uint32_t id);
  // Releases all, and lets the member go as soon as none is left.
  void Close();
  // The pool's object is gone: lets the member go as soon as no lease is left.
  void LetGo();
  // As Close where no JavaScript runs any more, so that buffers need no detaching.
  void CloseAtExit();

  uint32_t count() const { return static_cast<uint32_t>(leases_.size()); }

 private:
  struct Lease {
    SetHeld held;
    Napi::Reference<Napi::ArrayBuffer> buffer;
  };
  // The buffer's own share.
  struct Hold;

  // REQUIRES: JavaScript cannot reach the bytes.
  void Forget(uint32_t id);

  std::shared_ptr<PoolMember> member_;
  std::map<uint32_t, Lease> leases_;
  uint32_t next_ = 1;
  bool closed_ = false;
};

}  // namespace memtiers
