#include "migrate/reback.h"

#include <chrono>
#include <utility>

#include "base/bytes.h"
#include "migrate/next_place.h"

namespace memtiers {
namespace {

// Fills the new place beside the chunk, and swaps it in with one system call. The old place is not
// touched before that call has succeeded, so there is nothing to undo in the chunk itself. A page
// the device loses while it is copied reads as zeroes: such a copy is thrown away.
Result<Backing> CopyOnto(Backend& target, const Heap& heap, const RunView& chunk) {
  Result<NextPlace> made = NextPlace::Make(target);
  if (!made.ok()) return made.status();
  NextPlace& next = made.value();
  Status status;
  if (!next.Damaged()) status = next.Put(0, chunk.address, kChunkBytes);
  if (status.ok()) status = next.Map();
  // The target's device may have failed already where pages were brought in by touching them.
  if (status.ok() && next.Damaged()) {
    status = Status(Code::kIo, "the target's device failed while a chunk was copied to it");
  }
  if (status.ok()) status = heap.CheckIntact(chunk.first, 0, kChunkBytes);
  if (status.ok()) status = next.PutOver(chunk.address);
  if (status.ok()) return next.backing();
  (void)next.GiveUp();
  return status;
}

}  // namespace

Result<MoveResult> RebackChunk(Heap& heap, uint32_t chunk, uint32_t backend) {
  const Result<RunView> view = heap.PartOfRun(chunk, 1);
  if (!view.ok()) return view.status();
  Status known = heap.CheckBackend(backend);
  if (!known.ok()) return known;
  Backend& target = heap.backend(backend);
  if (!target.fixed_address() || !heap.backend(heap.BackendOf(chunk).value()).fixed_address()) {
    return Status(Code::kInvalid, "a memkind backend cannot keep a chunk's address");
  }
  if (heap.InUse(chunk)) return Status(Code::kBusy, "background work is using the run");
  if (heap.Pinned(chunk)) return Status(Code::kBusy, "the run is pinned");
  const auto alone = heap.KeepAlone(chunk);
  if (!alone.ok()) return alone.status();
  // The new mapping does not report writes.
  heap.DropShadow(chunk);
  Status intact = heap.CheckIntact(chunk, 0, kChunkBytes);
  if (!intact.ok()) return intact;

  Status mappings = Heap::CheckMappings(1);
  if (!mappings.ok()) return mappings;
  Status charged = heap.Charge(backend, 1);
  if (!charged.ok()) return charged;
  const auto start = std::chrono::steady_clock::now();
  // In one go and not fault by fault. What cannot be brought in is found by whoever copies it.
  Backend& source = heap.backend(heap.BackendOf(chunk).value());
  if (!source.page_migratable()) (void)source.Prefault(view.value().address, kChunkBytes);
  const Result<Backing> backing = CopyOnto(target, heap, view.value());
  if (!backing.ok()) {
    heap.Refuse(backend, 1);
    return backing.status();
  }
  heap.Rebacked(chunk, backend, backing.value());
  const std::chrono::nanoseconds duration = std::chrono::steady_clock::now() - start;
  return MoveResult{.tried = 1,
                    .applied = 1,
                    .failed = 0,
                    .copied_bytes = kChunkBytes,
                    .duration = duration,
                    // The owner was stopped throughout.
                    .pause = duration,
                    .reasons = {}};
}

}  // namespace memtiers
