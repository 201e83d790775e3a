#include "migrate/reback.h"

#include <chrono>
#include <cstring>

#include "base/bytes.h"
#include "sys/mapping.h"

namespace memtiers {
namespace {

// Builds the new backing beside the chunk, copies, and swaps it in with one system call. The old
// backing is not touched before that call has succeeded, so there is nothing to undo in the chunk
// itself.
Result<Backing> CopyOnto(Backend& target, std::byte* chunk) {
  Result<std::byte*> aside = ReserveAddressSpace(kChunkBytes, kChunkBytes);
  if (!aside.ok()) return aside.status();
  // Populated first: what cannot be had is an error here, where the copy would find a fault.
  Result<MappedRun> mapped =
      target.Map({.address = aside.value(), .chunks = 1, .populate = true, .overwritten = true});
  if (!mapped.ok()) {
    ReleaseAddressSpace(aside.value(), kChunkBytes);
    return mapped.status();
  }
  std::memcpy(aside.value(), chunk, kChunkBytes);
  Status swapped = MoveMapping(aside.value(), chunk, kChunkBytes);
  if (!swapped.ok()) {
    ReleaseAddressSpace(aside.value(), kChunkBytes);
    target.Release(mapped.value().backings);
    return swapped;
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

  Status mappings = Heap::CheckMappings(1);
  if (!mappings.ok()) return mappings;
  Status charged = heap.Charge(backend, 1);
  if (!charged.ok()) return charged;
  const auto start = std::chrono::steady_clock::now();
  const Result<Backing> backing = CopyOnto(target, view.value().address);
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
