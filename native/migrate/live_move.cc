#include "migrate/live_move.h"

#include <chrono>
#include <span>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "migrate/missing_page_move.h"
#include "migrate/write_protected_move.h"
#include "track/write_recording.h"

namespace memtiers {

Result<LiveMove> LiveMove::Begin(Heap& heap, uint32_t chunk, uint32_t backend) {
  const Result<RunView> view = heap.PartOfRun(chunk, 1);
  if (!view.ok()) return view.status();
  Status status = heap.CheckBackend(backend);
  if (!status.ok()) return status;
  const uint32_t owner = heap.BackendOf(chunk).value();
  Backend& source = heap.backend(owner);
  Backend& target = heap.backend(backend);
  if (!target.fixed_address() || !source.fixed_address()) {
    return Status(Code::kInvalid, "a memkind backend cannot keep a chunk's address");
  }
  if (owner == backend || (source.page_migratable() && target.page_migratable())) {
    return Status(Code::kInvalid, "between these backends the kernel moves pages");
  }
  const Result<FaultService*> faults = FaultService::Get();
  if (!faults.ok()) return faults.status();
  if (heap.Moving(chunk)) return Status(Code::kBusy, "another move of this run is under way");
  if (heap.Pinned(chunk)) return Status(Code::kBusy, "the run is pinned");
  status = heap.CheckIntact(chunk, 0, kChunkBytes);
  if (status.ok()) status = Heap::CheckMappings(1);
  if (!status.ok()) return status;

  LiveMove move(chunk, owner, backend,
                {.chunk = view.value().address,
                 .source = &source,
                 .source_backing = heap.BackingOf(chunk),
                 .target = &target,
                 .target_backing = std::nullopt,
                 .damage = heap.ProbeDamage(chunk),
                 .control = std::make_shared<MoveControl>(),
                 .faults = faults.value()});
  move.shadow_ = heap.TakeShadow(chunk);
  if (move.shadow_.has_value()) move.shadow_backend_ = &heap.backend(move.shadow_->backend);
  if (move.shadow_.has_value() && move.shadow_->backend == backend) {
    move.step_.target_backing = move.shadow_->backing;
  } else if (Status charged = heap.Charge(backend, 1); !charged.ok()) {
    if (move.shadow_.has_value()) heap.KeepShadow(chunk, std::move(*move.shadow_));
    return charged;
  }
  heap.BeginMove(chunk, move.step_.control);
  return move;
}

Result<Arrival> LiveMove::Move() {
  const RecordingPause pause(step_.chunk, kChunkBytes);
  if (!step_.source->page_migratable()) return MoveBehindMissingPages(step_);
  if (shadow_.has_value() && step_.target_backing.has_value()) {
    const Result<Backing> back = PutShadowBack(step_, *shadow_);
    if (back.ok()) return Arrival{.backing = back.value(), .shadow = nullptr};
    if (step_.control->cancelled()) return back.status();
  }
  const Result<Backing> moved = MoveBehindWriteProtection(step_);
  if (!moved.ok()) return moved.status();
  return Arrival{.backing = moved.value(), .shadow = nullptr};
}

void LiveMove::Run() {
  const auto start = std::chrono::steady_clock::now();
  started_ = step_.control->Start();
  Result<Arrival> arrival = started_ ? Move() : Result<Arrival>(Cancelled());
  if (arrival.ok()) {
    arrival_ = std::move(arrival.value());
    if (arrival_.shadow == nullptr) step_.source->Release(std::span(&step_.source_backing, 1));
  } else {
    status_ = arrival.status();
  }
  // A shadow that was not put back ends here: whether it still is one, nobody has watched.
  const bool put_back = arrival.ok() && step_.target_backing.has_value();
  if (started_ && shadow_.has_value() && !put_back) {
    const bool damaged = step_.target_backing.has_value() && step_.target_damaged;
    shadow_backend_->GiveBack(std::span(&shadow_->backing, 1), damaged);
  }
  step_.control->End();
  duration_ = std::chrono::steady_clock::now() - start;
}

Result<MoveResult> LiveMove::Finish(Heap& heap) {
  const bool reused = step_.target_backing.has_value();
  // An environment that ends does not run what it has queued.
  if (!started_ && status_.ok()) status_ = Cancelled();
  if (status_.ok()) {
    heap.Replaced(chunk_, backend_, arrival_.backing);
    if (arrival_.shadow != nullptr) {
      heap.KeepShadow(chunk_, {.backend = source_,
                               .backing = step_.source_backing,
                               .state = std::move(arrival_.shadow)});
    } else {
      heap.Uncharge(source_, 1);
    }
  } else if (!reused) {
    heap.Refuse(backend_, 1);
    // The device has less room than its budget: the next try finds some.
    if (status_.code() == Code::kFull) heap.DropOldestShadow(backend_);
  }
  if (shadow_.has_value() && !started_) {
    heap.KeepShadow(chunk_, std::move(*shadow_));
  } else if (shadow_.has_value() && !(reused && status_.ok())) {
    heap.Uncharge(shadow_->backend, 1);
  }
  heap.EndMove(chunk_);
  if (!status_.ok()) return status_;
  return MoveResult{.tried = 1,
                    .applied = 1,
                    .failed = 0,
                    .copied_bytes = step_.copied_bytes,
                    .duration = duration_,
                    .pause = step_.pause,
                    .reasons = {}};
}

}  // namespace memtiers
