// One chunk on its way to another backend while everybody uses it: what the protocols share.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/status.h"
#include "memory/backend.h"
#include "memory/heap.h"
#include "memory/move_control.h"
#include "memory/shadow.h"
#include "migrate/fault_service.h"
#include "migrate/next_place.h"

namespace memtiers {

struct LiveStep {
  std::byte* chunk = nullptr;
  Backend* source = nullptr;
  Backing source_backing;
  Backend* target = nullptr;
  // The target's place for it, when there is one already: that of its shadow.
  std::optional<Backing> target_backing;
  DamageProbe damage;
  std::shared_ptr<MoveControl> control;
  FaultService* faults = nullptr;

  // What came of it. Damaged: the target's place is not to be used again.
  bool target_damaged = false;
  std::chrono::nanoseconds pause{0};
  uint64_t copied_bytes = 0;
};

// Where the chunk is going. On failure the step knows whether the place it had there is bad.
Result<NextPlace> MakeNextPlace(LiveStep& step);

// A failure: it was cancelled, or memory on either side is lost.
Status CheckGoOn(const LiveStep& step, bool target_failed);

// kBusy, errno ECANCELED: somebody cancelled it.
Status Cancelled();

}  // namespace memtiers
