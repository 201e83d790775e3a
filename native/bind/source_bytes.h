// Bytes of JavaScript's that are copied off the environment's thread, while the program goes on.
//
// It is told to leave them alone until the copy is made, and may not: a buffer that is transferred
// or shrunk meanwhile is no more than a refused copy. Made and asked on the environment's thread;
// only CopyTo may run elsewhere.
#pragma once

#include <napi.h>

#include <cstddef>
#include <span>

#include "base/status.h"

namespace memtiers {

class SourceBytes {
 public:
  explicit SourceBytes(const Napi::Uint8Array& source);

  // Any thread, one copy at a time. REQUIRES: to.size() is the source's.
  Status CopyTo(std::span<std::byte> to) const;
  // Whether they are still where CopyTo read them: had they been moved at the time, what was copied
  // may have been anything.
  bool Intact() const;
  size_t size() const { return bytes_.size(); }

  // What becomes of a copy of bytes that were taken away.
  static Status TakenAway();

 private:
  std::span<const std::byte> bytes_;
  Napi::Reference<Napi::Uint8Array> source_;  // keeps the bytes alive, unless they are moved
};

}  // namespace memtiers
