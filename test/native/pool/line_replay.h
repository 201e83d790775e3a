// A device and the caches of the host that writes to it, as a recorded trace goes on: what has
// reached the device, and what may reach it at any time.
//
// A line reaches the device when it is written back, and before that whenever its cache likes. One
// thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "line_trace.h"

namespace memtiers {

class LineReplay {
 public:
  // `write_backs`: false: as if there were none.
  LineReplay(const LineTrace& trace, bool write_backs);

  bool AtEnd() const { return next_ == trace_->events.size(); }
  // REQUIRES: not at the end.
  const LineEvent& Next();

  // What the device has.
  std::span<const std::byte> device() const { return device_; }
  // Equal for equal devices of one trace, and hardly ever for others.
  uint64_t fingerprint() const { return fingerprint_; }
  // What is in the host's caches only.
  const std::map<uint64_t, LineBytes>& dirty() const { return dirty_; }
  void ThrowOut(uint64_t line);

  // How a fingerprint changes when a line of the device becomes its dirty one.
  uint64_t FingerprintOf(uint64_t line) const;

 private:
  const LineTrace* trace_;
  bool write_backs_;
  size_t next_ = 0;
  std::vector<std::byte> device_;
  std::map<uint64_t, LineBytes> dirty_;
  uint64_t fingerprint_ = 0;
};

}  // namespace memtiers
