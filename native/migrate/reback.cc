#include "migrate/reback.h"

#include <chrono>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "migrate/aside.h"

namespace memtiers {
namespace {

// Builds the new backing beside the chunk, copies, and swaps it in with one system call. The old
// backing is not touched before that call has succeeded, so there is nothing to undo in the chunk
// itself. A page the device loses while it is copied reads as zeroes: such a copy is thrown away.
Result<Backing> CopyOnto(Backend& target, const Heap& heap, const RunView& chunk) {
  Result<Aside> aside = Aside::Reserve();
  if (!aside.ok()) return aside.status();
  std::byte* const next = aside.value().address();
  // Populated first: what cannot be had is an error here, where the copy would find a fault.
  Result<MappedRun> mapped =
      target.Map({.address = next, .chunks = 1, .populate = true, .overwritten = true});
  if (!mapped.ok()) return mapped.status();
  if (!aside.value().Damaged()) std::memcpy(next, chunk.address, kChunkBytes);
  // The target's device may have failed already where pages were brought in by touching them.
  const bool target_failed = aside.value().Damaged();
  Status moved;
  if (target_failed) {
    moved = Status(Code::kIo, "the target's device failed while a chunk was copied to it");
  }
  if (moved.ok()) moved = heap.CheckIntact(chunk.first, 0, kChunkBytes);
  if (moved.ok()) moved = aside.value().PutOver(chunk.address);
  if (!moved.ok()) {
    {
      const Aside gone(std::move(aside.value()));
    }
    target.GiveBack(mapped.value().backings, target_failed);
    return moved;
  }
  Backing backing = mapped.value().backings.front();
  backing.relocated = backing.slot == Backing::kNoSlot;
  return backing;
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
