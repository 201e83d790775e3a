#include "migrate/missing_page_move.h"

#include <chrono>
#include <thread>
#include <utility>

#include "base/bytes.h"
#include "migrate/move_point.h"
#include "migrate/racing_copy.h"
#include "migrate/write_protected_move.h"
#include "sys/mapping.h"

namespace memtiers {
namespace {

using std::chrono::steady_clock;

// An empty mapping whose pages nobody gets until they are woken.
Result<Aside> MakeHole(const LiveStep& step) {
  Result<Aside> hole = Aside::Reserve();
  if (!hole.ok()) return hole;
  Status status = MapAnonymous(hole.value().address(), kChunkBytes);
  if (status.ok()) {
    status = UntilNotBusy([&] {
      return step.faults->userfaultfd().Register(hole.value().address(), kChunkBytes,
                                                 {.missing = true, .write_protected = false});
    });
  }
  if (!status.ok()) return status;
  return hole;
}

Result<Aside> MapFormer(const LiveStep& step) {
  Result<Aside> former = Aside::Reserve();
  if (!former.ok()) return former;
  Status mapped = step.source->MapAgain(former.value().address(), step.source_backing);
  if (!mapped.ok()) return mapped;
  return former;
}

Status CheckSource(const Aside& former) {
  if (!former.Damaged()) return {};
  return {Code::kLost, "the device lost a part of the chunk"};
}

// Until it succeeds, or everybody who waits would wait for ever. The process can be out of mappings
// for a moment only: as many were there before.
void PutBack(const LiveStep& step, Aside& former) {
  // What was lost beside the heap was replaced by zeroes there, which nobody must take for data.
  const bool lost = former.Damaged();
  const auto put_back = [&] {
    return lost ? step.source->MapAgain(step.chunk, step.source_backing)
                : former.PutOver(step.chunk);
  };
  while (!put_back().ok()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

Status HoldBackAndReplace(LiveStep& step, Aside& hole, Aside& former, Aside& next) {
  const auto held_back = steady_clock::now();
  Status status = hole.PutOver(step.chunk);
  if (!status.ok()) return status;
  status = Reached(MovePoint::kHeldBack);
  if (status.ok()) {
    step.copied_bytes += CopyUnequalPages(next.address(), former.address(), kChunkBytes);
    status = Reached(MovePoint::kRecopied);
  }
  if (status.ok()) status = CheckGoOn(step, next);
  if (status.ok()) status = CheckSource(former);
  if (status.ok()) status = next.PutOver(step.chunk);
  if (!status.ok()) PutBack(step, former);
  (void)Reached(MovePoint::kReplaced);
  (void)step.faults->userfaultfd().Wake(step.chunk, kChunkBytes);
  step.pause = steady_clock::now() - held_back;
  (void)Reached(MovePoint::kLetGo);
  return status;
}

}  // namespace

Result<Arrival> MoveBehindMissingPages(LiveStep& step) {
  Result<Aside> former = MapFormer(step);
  if (!former.ok()) return former.status();
  Result<Aside> hole = MakeHole(step);
  if (!hole.ok()) return hole.status();
  Result<NextPlace> next = MakeNextPlace(step);
  if (!next.ok()) return next.status();
  Aside& aside = next.value().aside;
  Status status = Reached(MovePoint::kPrepared);
  if (status.ok()) {
    CopyRacing(aside.address(), former.value().address(), kChunkBytes);
    step.copied_bytes += kChunkBytes;
    status = Reached(MovePoint::kCopied);
  }
  if (status.ok()) status = CheckGoOn(step, aside);
  if (status.ok()) status = CheckSource(former.value());
  if (status.ok()) status = HoldBackAndReplace(step, hole.value(), former.value(), aside);
  if (!status.ok()) {
    // Found beside the heap; a touch records it where everybody asks.
    if (status.code() == Code::kLost) TouchForRead(step.chunk, kChunkBytes);
    GiveUp(step, std::move(next.value()));
    return status;
  }
  Arrival arrival{.backing = next.value().backing, .shadow = nullptr};
  // A file in memory would take the room twice.
  const bool room = step.source->kind() != BackendKind::kFile || step.source->durable();
  if (step.target->page_migratable() && room) {
    arrival.shadow = StartShadow(step, former.value().address());
  }
  return arrival;
}

}  // namespace memtiers
