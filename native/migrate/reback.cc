#include "migrate/reback.h"

#include <chrono>
#include <cstring>
#include <memory>

#include "base/bytes.h"
#include "sys/bus_fault.h"
#include "sys/mapping.h"

namespace memtiers {
namespace {

// Builds the new backing beside the chunk, copies, and swaps it in with one system call. The old
// backing is not touched before that call has succeeded, so there is nothing to undo in the chunk
// itself. A page the device loses while it is copied reads as zeroes: such a copy is thrown away.
Result<Backing> CopyOnto(Backend& target, const Heap& heap, const RunView& chunk) {
  Result<std::byte*> aside = ReserveAddressSpace(kChunkBytes, kChunkBytes);
  if (!aside.ok()) return aside.status();
  // The target's device may fail as well, already where pages are brought in by touching them.
  Result<std::unique_ptr<BusFaultGuard>> guard =
      BusFaultGuard::Guard(aside.value(), kChunkBytes, std::make_shared<DamageCounter>(0));
  if (!guard.ok()) {
    ReleaseAddressSpace(aside.value(), kChunkBytes);
    return guard.status();
  }
  // Populated first: what cannot be had is an error here, where the copy would find a fault.
  Result<MappedRun> mapped =
      target.Map({.address = aside.value(), .chunks = 1, .populate = true, .overwritten = true});
  if (!mapped.ok()) {
    guard.value().reset();
    ReleaseAddressSpace(aside.value(), kChunkBytes);
    return mapped.status();
  }
  bool target_failed = guard.value()->record().Any(0, kChunkBytes);
  if (!target_failed) {
    std::memcpy(aside.value(), chunk.address, kChunkBytes);
    target_failed = guard.value()->record().Any(0, kChunkBytes);
  }
  // Whatever happens next, the address space is given up, and may be anybody's.
  guard.value().reset();
  Status moved;
  if (target_failed) {
    moved = Status(Code::kIo, "the target's device failed while a chunk was copied to it");
  }
  if (moved.ok()) moved = heap.CheckIntact(chunk.first, 0, kChunkBytes);
  if (moved.ok()) moved = MoveMapping(aside.value(), chunk.address, kChunkBytes);
  if (!moved.ok()) {
    ReleaseAddressSpace(aside.value(), kChunkBytes);
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
  return MoveResult{.tried = 1,
                    .applied = 1,
                    .failed = 0,
                    .copied_bytes = kChunkBytes,
                    .duration = std::chrono::steady_clock::now() - start,
                    .reasons = {}};
}

}  // namespace memtiers
