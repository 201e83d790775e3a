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

Status Copy(LiveStep& step, const Aside& former, NextPlace& next) {
  step.copied_bytes += kChunkBytes;
  return next.Put(0, former.address(), kChunkBytes);
}

// What is done before anybody waits. From page cache to memory that is no copy: to find what was
// written after it, all of both would have to be read while everybody waits, and copying takes no
// longer. A slower device is copied all the same, which leaves its bytes in the processor's caches,
// and so is what goes to a file, which takes longer to write, and what could not all be brought in:
// nobody is to wait while a drive tries to read what it has lost.
Status Prepare(LiveStep& step, const Aside& former, NextPlace& next) {
  // In one go and not fault by fault.
  const bool brought_in = step.source->Prefault(former.address(), kChunkBytes).ok();
  const bool memory_to_memory =
      step.target->page_migratable() && step.source->drive_directory().has_value();
  Status status;
  if (!memory_to_memory || !brought_in) status = Copy(step, former, next);
  if (status.ok()) status = next.Populate();
  if (status.ok()) status = Reached(MovePoint::kCopied);
  if (status.ok()) status = CheckGoOn(step, next.Damaged());
  if (status.ok()) status = CheckSource(former);
  return status;
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

// A file in memory would take a shadow's room twice.
bool LeavesShadow(const LiveStep& step) {
  const bool room = step.source->kind() != BackendKind::kFile || step.source->durable();
  return step.target->page_migratable() && room;
}

// Puts `next` over the chunk, whose accesses are held back. Watched before it is there: afterwards
// somebody could write before he is noticed, and only comparing all of it again would tell.
Status Replace(const LiveStep& step, NextPlace& next, std::shared_ptr<ShadowState>& shadow) {
  std::byte* const memory = next.address();
  if (LeavesShadow(step)) shadow = BeginShadow(step, memory);
  Status status = next.PutOver(step.chunk);
  if (shadow == nullptr) return status;
  if (status.ok()) {
    shadow->Begin();
  } else {
    EndShadow(step, memory);
    shadow = nullptr;
  }
  return status;
}

Status HoldBackAndReplace(LiveStep& step, Aside& hole, Aside& former, NextPlace& next,
                          std::shared_ptr<ShadowState>& shadow) {
  const auto held_back = steady_clock::now();
  Status status = hole.PutOver(step.chunk);
  if (!status.ok()) return status;
  status = Reached(MovePoint::kHeldBack);
  if (status.ok()) {
    status = Copy(step, former, next);
    if (status.ok()) status = Reached(MovePoint::kRecopied);
  }
  if (status.ok()) status = CheckGoOn(step, next.Damaged());
  if (status.ok()) status = CheckSource(former);
  if (status.ok()) status = Replace(step, next, shadow);
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
  Result<NextPlace> made = MakeNextPlace(step);
  if (!made.ok()) return made.status();
  NextPlace& next = made.value();
  std::shared_ptr<ShadowState> shadow;
  Status status = Reached(MovePoint::kPrepared);
  if (status.ok()) status = Prepare(step, former.value(), next);
  if (status.ok()) {
    status = HoldBackAndReplace(step, hole.value(), former.value(), next, shadow);
  }
  if (!status.ok()) {
    // Found beside the heap; a touch records it where everybody asks.
    if (status.code() == Code::kLost) TouchForRead(step.chunk, kChunkBytes);
    step.target_damaged = next.GiveUp();
    return status;
  }
  if (shadow != nullptr && !shadow->clean()) {
    EndShadow(step, step.chunk);
    shadow = nullptr;
  }
  return Arrival{.backing = next.backing(), .shadow = std::move(shadow)};
}

}  // namespace memtiers
