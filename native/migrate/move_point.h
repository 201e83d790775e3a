// Places inside a live move where a test can wait, or make the move fail.
//
// Thread-safe. Without a hook a place costs one load.
#pragma once

#include "base/status.h"

namespace memtiers {

enum class MovePoint {
  kPrepared,   // the new place is mapped beside the chunk; nobody is held back
  kCopied,     // a first copy is there; writers were not held back meanwhile
  kHeldBack,   // accesses wait; nothing has changed
  kRecopied,   // what was written since is copied
  kShadowing,  // the old place is about to become the chunk's shadow; accesses wait
  kReplaced,   // the new place is behind the address; accesses still wait
  kLetGo,      // accesses go on
};
inline constexpr int kMovePoints = 7;

// The point's name, e.g. "held-back".
const char* MovePointName(MovePoint point);

// Called on the moving thread, which must not touch memory that is being moved. A failure ends the
// move as if a system call had failed there; from kReplaced on it is too late, and ignored.
using MovePointHook = Status (*)(MovePoint point);
void SetMovePointHook(MovePointHook hook);

// For the mover.
Status Reached(MovePoint point);

}  // namespace memtiers
