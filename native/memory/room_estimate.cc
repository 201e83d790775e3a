#include "memory/room_estimate.h"

#include <algorithm>

namespace memtiers {
namespace {

constexpr std::chrono::milliseconds kFresh(5);

}  // namespace

Result<AvailableMemory> RoomEstimate::Take(size_t bytes, size_t (*head_room)(size_t total_bytes),
                                           Clock::time_point now, const Read& read) {
  const std::lock_guard lock(mutex_);
  const bool enough = last_.available_bytes >= bytes + head_room(last_.total_bytes);
  if (!enough || now - read_at_ > kFresh) {
    const Result<AvailableMemory> present = read();
    if (!present.ok()) return present;
    last_ = present.value();
    read_at_ = now;
  }
  const AvailableMemory answer = last_;
  last_.available_bytes -= std::min(bytes, last_.available_bytes);
  return answer;
}

}  // namespace memtiers
