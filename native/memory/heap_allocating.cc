// The part of the heap that hands runs out, from one backend or spread over several.

#include <algorithm>
#include <iterator>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "memory/heap.h"

namespace memtiers {

Result<uint32_t> Heap::Allocate(uint32_t backend, uint32_t chunks) {
  const Piece whole = {.backend = backend, .chunks = chunks};
  return AllocatePieces(std::span(&whole, chunks == 0 ? 0 : 1), false);
}

Result<uint32_t> Heap::AllocateSpread(std::span<const uint32_t> backends, bool deferred) {
  std::vector<Piece> pieces;
  for (const uint32_t backend : backends) {
    if (pieces.empty() || pieces.back().backend != backend) pieces.push_back({.backend = backend});
    ++pieces.back().chunks;
  }
  return AllocatePieces(pieces, deferred);
}

Status Heap::ChargePieces(std::span<const Piece> pieces) {
  for (size_t i = 0; i < pieces.size(); ++i) {
    Status charged = CheckBackend(pieces[i].backend);
    if (charged.ok() && pieces.size() > 1 && !backend(pieces[i].backend).fixed_address()) {
      charged = {Code::kInvalid, "a memkind backend cannot have a part of a run"};
    }
    if (charged.ok()) charged = Charge(pieces[i].backend, pieces[i].chunks);
    if (charged.ok()) continue;
    for (const Piece& earlier : pieces.first(i)) Uncharge(earlier.backend, earlier.chunks);
    return charged;
  }
  return {};
}

void Heap::RefusePieces(std::span<const Piece> pieces, size_t refused) {
  for (const Piece& piece : pieces) Uncharge(piece.backend, piece.chunks);
  ++backends_[pieces[refused].backend].refused_allocations;
}

Result<MappedRun> Heap::MapPiece(const Piece& piece, std::byte* address, bool deferred) {
  const MapRequest request = {.address = address, .chunks = piece.chunks, .deferred = deferred};
  Result<MappedRun> mapped = backend(piece.backend).Map(request);
  // A device can have less room than its budget.
  while (mapped.status().code() == Code::kFull && DropOldestShadow(piece.backend)) {
    mapped = backend(piece.backend).Map(request);
  }
  return mapped;
}

Result<uint32_t> Heap::AllocatePieces(std::span<const Piece> pieces, bool deferred) {
  if (pieces.empty()) return Status(Code::kInvalid, "a run of no chunks");
  Status charged = ChargePieces(pieces);
  if (!charged.ok()) return charged;
  uint64_t wanted = 0;
  for (const Piece& piece : pieces) wanted += piece.chunks;
  // Each border makes one mapping more.
  Status mappings = CheckMappings(static_cast<uint32_t>((pieces.size() + 1) / 2));
  if (!mappings.ok()) {
    RefusePieces(pieces, 0);
    return mappings;
  }
  const std::optional<uint32_t> first = wanted > std::numeric_limits<uint32_t>::max()
                                            ? std::nullopt
                                            : window_.Take(static_cast<uint32_t>(wanted));
  if (!first.has_value()) {
    RefusePieces(pieces, 0);
    return Status(Code::kFull, "address window, " + std::to_string(wanted) + " contiguous chunks");
  }
  const auto chunks = static_cast<uint32_t>(wanted);
  std::byte* address = window_.AddressOf(*first);
  std::vector<Backing> backings;
  for (size_t i = 0; i < pieces.size(); ++i) {
    Result<MappedRun> mapped =
        MapPiece(pieces[i], window_.AddressOf(*first) + backings.size() * kChunkBytes, deferred);
    if (!mapped.ok()) {
      // If even this fails the address range is lost to this heap, and nothing else.
      (void)window_.Give(*first, chunks);
      for (size_t earlier = 0, at = 0; earlier < i; at += pieces[earlier++].chunks) {
        const Piece& piece = pieces[earlier];
        const bool damaged =
            guard_->record().Any((*first + at) * kChunkBytes, piece.chunks * kChunkBytes);
        backend(piece.backend).GiveBack(std::span(backings).subspan(at, piece.chunks), damaged);
      }
      guard_->record().Forget(*first * kChunkBytes, chunks * kChunkBytes);
      RefusePieces(pieces, i);
      return mapped.status();
    }
    // Only a run of one piece can be elsewhere.
    if (i == 0) address = mapped.value().address;
    std::ranges::copy(mapped.value().backings, std::back_inserter(backings));
  }
  if (chunks_.size() < *first + chunks) chunks_.resize(*first + chunks);
  uint32_t at = 0;
  for (const Piece& piece : pieces) {
    for (uint32_t i = 0; i < piece.chunks; ++i, ++at) {
      Chunk& chunk = chunks_[*first + at];
      chunk.backend = piece.backend;
      chunk.backing = backings[at];
      CountUnverified(chunk, +1);
    }
  }
  RecordMappings(*first, chunks, true);
  Run run{.chunks = chunks, .address = address};
  if (!backend(pieces[0].backend).fixed_address()) {
    Result<std::unique_ptr<BusFaultGuard>> guard =
        BusFaultGuard::Guard(run.address, chunks * kChunkBytes, damage_counter_);
    // Without room for the record the run is as good as any, and a loss is the process' end.
    if (guard.ok()) run.guard = std::move(guard.value());
  }
  const auto allocated = runs_.emplace(*first, std::move(run)).first;
  if (Damaged(*first, chunks)) {
    Release(allocated);
    ++backends_[pieces[0].backend].refused_allocations;
    return Status(Code::kIo, std::string(BackendKindName(backend(pieces[0].backend).kind())) +
                                 " backend: the device failed while " + std::to_string(chunks) +
                                 " chunks were cleared");
  }
  return *first;
}

void Heap::MarkStriped(uint32_t first, bool verified) {
  const uint32_t chunks = RunOf(first).chunks;
  RecordMappings(first, chunks, false);
  for (uint32_t i = first; i < first + chunks; ++i) {
    chunks_[i].backing.striped = true;
    MarkVerified(i, verified);
  }
  RecordMappings(first, chunks, true);
}

}  // namespace memtiers
