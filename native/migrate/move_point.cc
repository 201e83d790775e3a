#include "migrate/move_point.h"

#include <atomic>

namespace memtiers {
namespace {

std::atomic<MovePointHook> hook = nullptr;

}  // namespace

const char* MovePointName(MovePoint point) {
  switch (point) {
    case MovePoint::kPrepared:
      return "prepared";
    case MovePoint::kCopied:
      return "copied";
    case MovePoint::kHeldBack:
      return "held-back";
    case MovePoint::kRecopied:
      return "recopied";
    case MovePoint::kShadowing:
      return "shadowing";
    case MovePoint::kReplaced:
      return "replaced";
    case MovePoint::kLetGo:
      return "let-go";
  }
  return "";
}

void SetMovePointHook(MovePointHook new_hook) { hook.store(new_hook, std::memory_order_release); }

Status Reached(MovePoint point) {
  const MovePointHook present = hook.load(std::memory_order_acquire);
  return present == nullptr ? Status() : present(point);
}

}  // namespace memtiers
