#include "line_replay.h"

#include <cstring>
#include <string_view>

#include "pool/checksum.h"

namespace memtiers {
namespace {

uint64_t HashOf(uint64_t line, const std::byte* bytes) {
  return HashKey({reinterpret_cast<const char*>(bytes), kPoolLineBytes}, line);
}

}  // namespace

LineReplay::LineReplay(const LineTrace& trace, bool write_backs)
    : trace_(&trace), write_backs_(write_backs), device_(trace.start) {}

const LineEvent& LineReplay::Next() {
  const LineEvent& event = trace_->events[next_++];
  if (event.kind == LineEvent::Kind::kStored) {
    dirty_[event.at] = event.bytes;
  } else if (event.kind == LineEvent::Kind::kWrittenBack && write_backs_) {
    const auto end = dirty_.lower_bound(event.at + event.count);
    for (auto line = dirty_.lower_bound(event.at); line != end;) ThrowOut((line++)->first);
  }
  return event;
}

uint64_t LineReplay::FingerprintOf(uint64_t line) const {
  return HashOf(line, &device_[line * kPoolLineBytes]) ^ HashOf(line, dirty_.at(line).data());
}

void LineReplay::ThrowOut(uint64_t line) {
  fingerprint_ ^= FingerprintOf(line);
  std::memcpy(&device_[line * kPoolLineBytes], dirty_.at(line).data(), kPoolLineBytes);
  dirty_.erase(line);
}

}  // namespace memtiers
