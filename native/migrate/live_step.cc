#include "migrate/live_step.h"

#include <cerrno>

namespace memtiers {

Result<NextPlace> MakeNextPlace(LiveStep& step) {
  Result<NextPlace> next = NextPlace::Make(*step.target, step.target_backing);
  step.target_damaged = step.target_backing.has_value() && next.status().code() == Code::kIo;
  return next;
}

Status CheckGoOn(const LiveStep& step, bool target_failed) {
  if (step.control->cancelled()) return Cancelled();
  if (step.damage.Damaged()) {
    return {Code::kLost, "a part of the chunk is lost, and stays where it is known to be"};
  }
  if (target_failed) {
    return {Code::kIo, "the target's device failed while a chunk was copied to it"};
  }
  return {};
}

Status Cancelled() { return Status::FromErrno(Code::kBusy, ECANCELED, "", "the move of a chunk"); }

}  // namespace memtiers
