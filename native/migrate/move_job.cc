#include "migrate/move_job.h"

#include <chrono>
#include <string>

#include "base/bytes.h"
#include "memory/node_memory.h"
#include "memory/page_placement.h"
#include "migrate/page_mover.h"
#include "sys/mapping.h"

namespace memtiers {
namespace {

// Pages of a node whose memory was taken offline are elsewhere, whatever they are bound to.
bool LiesOnNode(std::byte* chunk, int node) {
  const PagePlacement placement = FindPlacement(chunk, kChunkBytes);
  if (placement.error != 0) return true;
  for (const auto& [where, pages] : placement.pages_by_node) {
    if (where != node) return false;
  }
  return true;
}

}  // namespace

Result<MoveJob> MoveJob::Begin(Heap& heap, uint32_t first, uint32_t chunks, uint32_t backend) {
  Status known = heap.CheckBackend(backend);
  if (!known.ok()) return known;
  const Result<RunView> part = heap.PartOfRun(first, chunks);
  if (!part.ok()) return part.status();
  const Backend& target = heap.backend(backend);
  if (!target.page_migratable()) {
    return Status(Code::kInvalid, std::string("the target is a ") + BackendKindName(target.kind()) +
                                      " backend, whose pages the kernel cannot move");
  }
  MoveJob job;
  uint32_t charge = 0;
  job.backend_ = backend;
  job.node_ = target.node();
  for (uint32_t i = 0; i < chunks; ++i) {
    const uint32_t owner = heap.BackendOf(first + i).value();
    const Backend& source = heap.backend(owner);
    if (!source.page_migratable()) {
      return Status(Code::kInvalid, "chunk " + std::to_string(first + i) + " is on a " +
                                        BackendKindName(source.kind()) + " backend");
    }
    const bool stays = owner == backend;
    charge += stays ? 0 : 1;
    job.steps_.push_back({.chunk = first + i,
                          .address = part.value().address + i * kChunkBytes,
                          .home = source.node(),
                          .stays = stays,
                          .verified = heap.BackingOf(first + i).verified});
  }
  if (heap.Moving(first)) return Status(Code::kBusy, "another move of this run is under way");
  Status mappings = Heap::CheckMappings(chunks);
  if (!mappings.ok()) return mappings;
  Status charged = heap.Charge(backend, charge);
  if (!charged.ok()) return charged;
  heap.BeginMove(first);
  job.result_.tried = chunks;
  return job;
}

bool MoveJob::Move(Step& step, int node) {
  if (Status room = CheckNodeRoom(node, kChunkBytes); !room.ok()) {
    no_room_ = CodeName(room.code());
    ++result_.reasons[no_room_];
    return false;
  }
  const PageMoveResult moved = MovePagesToNode(step.address, kChunkBytes, node);
  for (const auto& [reason, pages] : moved.reasons) result_.reasons[reason] += pages;
  // Found without a touch, so it is not recorded yet.
  if (moved.lost) TouchForRead(step.address, kChunkBytes);
  step.verified = moved.complete();
  if (moved.complete()) {
    result_.copied_bytes += kChunkBytes / moved.pages * moved.moved;
    return true;
  }
  // Half a chunk would lie on a node it is not charged to. What may be anywhere may stay there.
  step.verified =
      !step.home.has_value() || MovePagesToNode(step.address, kChunkBytes, *step.home).complete();
  if (moved.out_of_memory) no_room_ = CodeName(Code::kFull);
  return false;
}

void MoveJob::Run() {
  const auto start = std::chrono::steady_clock::now();
  for (Step& step : steps_) {
    if (!node_.has_value() || (step.home == node_ && LiesOnNode(step.address, *node_))) {
      step.applied = true;  // the same memory on another account
    } else if (!no_room_.empty()) {
      ++result_.reasons[no_room_];
    } else {
      step.applied = Move(step, *node_);
    }
  }
  result_.duration = std::chrono::steady_clock::now() - start;
}

MoveResult MoveJob::Finish(Heap& heap) {
  for (const Step& step : steps_) {
    const bool verified = step.verified || (step.applied && !node_.has_value());
    if (step.stays) {
      heap.MarkVerified(step.chunk, verified);
    } else if (step.applied) {
      Backing backing = heap.BackingOf(step.chunk);
      backing.verified = verified;
      backing.striped = false;
      heap.Rebacked(step.chunk, backend_, backing);
    } else {
      heap.Uncharge(backend_, 1);
      if (!verified) heap.MarkVerified(step.chunk, false);
    }
    ++(step.applied ? result_.applied : result_.failed);
  }
  heap.EndMove(steps_.front().chunk);
  return result_;
}

}  // namespace memtiers
