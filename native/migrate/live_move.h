// Moves one chunk between any backends that keep addresses while every thread, and the kernel, may
// read and write it. No write is lost, and nobody reads zeroes or old bytes.
//
// Begin and Finish belong to the heap's owner thread, Run to any other; it takes 0.3 to 2 ms, or as
// long as the devices do. What userfaultfd cannot see is a device that writes to the pages on its
// own, as O_DIRECT does: whoever starts such I/O pins the run.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "migrate/live_step.h"
#include "migrate/missing_page_move.h"
#include "migrate/move_result.h"

namespace memtiers {

class LiveMove {
 public:
  // Charges the target's budget. kInvalid: no such chunk, or a backend that cannot keep addresses
  // or whose pages the kernel moves (MoveJob). kFull: no room. kBusy: another move of the run is
  // under way, or it is pinned. kLost: it has damage. kNoPermission, kUnavailable: no full
  // userfaultfd.
  static Result<LiveMove> Begin(Heap& heap, uint32_t chunk, uint32_t backend);

  void Run();

  // Writes the outcome into the heap's books. A failure is the reason why the chunk is where it
  // was. REQUIRES: called once, after Run.
  Result<MoveResult> Finish(Heap& heap);

 private:
  LiveMove(uint32_t chunk, uint32_t source, uint32_t backend, LiveStep step)
      : chunk_(chunk), source_(source), backend_(backend), step_(std::move(step)) {}

  Result<Arrival> Move();

  uint32_t chunk_;
  uint32_t source_;
  uint32_t backend_;
  LiveStep step_;
  std::optional<Shadow> shadow_;       // that the chunk had
  Backend* shadow_backend_ = nullptr;  // of the shadow
  Status status_;
  Arrival arrival_;
  bool started_ = false;
  std::chrono::nanoseconds duration_{0};
};

}  // namespace memtiers
