#include "migrate/live_step.h"

#include <cerrno>
#include <span>
#include <utility>

#include "base/bytes.h"
#include "sys/mapping.h"

namespace memtiers {

Result<NextPlace> MakeNextPlace(LiveStep& step) {
  Result<Aside> aside = Aside::Reserve();
  if (!aside.ok()) return aside.status();
  std::byte* const address = aside.value().address();
  if (step.target_backing.has_value()) {
    Status mapped = step.target->MapAgain(address, *step.target_backing);
    if (mapped.ok()) mapped = PopulateWrite(address, kChunkBytes);
    if (mapped.code() == Code::kLost) {
      // The device's fault, and not the chunk's.
      step.target_damaged = true;
      return Status::FromErrno(Code::kIo, mapped.error(), mapped.syscall(), mapped.what());
    }
    if (!mapped.ok()) return mapped;
    return NextPlace{.aside = std::move(aside.value()), .backing = *step.target_backing};
  }
  // Populated: what cannot be had is an error here, where a copy would find a fault.
  Result<MappedRun> mapped =
      step.target->Map({.address = address, .chunks = 1, .populate = true, .overwritten = true});
  if (!mapped.ok()) return mapped.status();
  return NextPlace{.aside = std::move(aside.value()), .backing = mapped.value().backings.front()};
}

void GiveUp(LiveStep& step, NextPlace place) {
  step.target_damaged = place.aside.Damaged();
  const Backing backing = place.backing;
  // Unmapped first: a place that somebody can still write to is not free.
  {
    const Aside gone(std::move(place.aside));
  }
  if (!step.target_backing.has_value()) {
    step.target->GiveBack(std::span(&backing, 1), step.target_damaged);
  }
}

Status CheckGoOn(const LiveStep& step, const Aside& next) {
  if (step.control->cancelled()) return Cancelled();
  if (step.damage.Damaged()) {
    return {Code::kLost, "a part of the chunk is lost, and stays where it is known to be"};
  }
  if (next.Damaged()) {
    return {Code::kIo, "the target's device failed while a chunk was copied to it"};
  }
  return {};
}

Status Cancelled() { return Status::FromErrno(Code::kBusy, ECANCELED, "", "the move of a chunk"); }

}  // namespace memtiers
