#include "memory/room_estimate.h"

#include <doctest/doctest.h>

#include <chrono>

#include "base/bytes.h"

namespace memtiers {
namespace {

using std::chrono::milliseconds;

size_t HeadRoom(size_t total_bytes) { return total_bytes / 100; }

struct Machine {
  RoomEstimate estimate;
  RoomEstimate::Clock::time_point now{};
  size_t available_bytes = 10 * kChunkBytes;
  int reads = 0;

  Result<AvailableMemory> Take(size_t bytes) {
    return estimate.Take(bytes, HeadRoom, now, [this] {
      ++reads;
      return Result<AvailableMemory>(
          AvailableMemory{.total_bytes = 100 * kChunkBytes, .available_bytes = available_bytes});
    });
  }
};

}  // namespace

TEST_CASE("within milliseconds the kernel is asked once, and what was granted counts") {
  Machine machine;
  for (size_t taken = 0; taken < 5; ++taken) {
    CHECK(machine.Take(kChunkBytes).value().available_bytes == (10 - taken) * kChunkBytes);
  }
  CHECK(machine.reads == 1);
}

TEST_CASE("an estimate that is not enough, head-room included, or old, is asked for anew") {
  Machine machine;
  (void)machine.Take(5 * kChunkBytes);
  // One is the head-room.
  CHECK(machine.Take(4 * kChunkBytes).value().available_bytes == 5 * kChunkBytes);
  CHECK(machine.reads == 1);
  machine.available_bytes = 3 * kChunkBytes;
  CHECK(machine.Take(kChunkBytes).value().available_bytes == 3 * kChunkBytes);
  CHECK(machine.reads == 2);
  machine.now += milliseconds(100);
  machine.available_bytes = 50 * kChunkBytes;
  CHECK(machine.Take(kChunkBytes).value().available_bytes == 50 * kChunkBytes);
  CHECK(machine.reads == 3);
}

TEST_CASE("what cannot be read is said, and no answer is made up for the next") {
  RoomEstimate estimate;
  const RoomEstimate::Clock::time_point now{};
  const auto fails = [] { return Result<AvailableMemory>(Status(Code::kUnavailable, "/proc")); };
  CHECK(estimate.Take(1, HeadRoom, now, fails).status().code() == Code::kUnavailable);
  CHECK(estimate.Take(1, HeadRoom, now, fails).status().code() == Code::kUnavailable);
}

}  // namespace memtiers
