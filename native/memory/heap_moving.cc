// The part of the heap that moves ask for: who is moving, what must stay, and what chunks leave
// behind.

#include <span>
#include <string>
#include <utility>

#include "memory/heap.h"

namespace memtiers {

void Heap::Replaced(uint32_t chunk, uint32_t backend, const Backing& backing) {
  CountUnverified(chunks_[chunk], -1);
  Take(chunk, backend, backing);
}

void Heap::Take(uint32_t chunk, uint32_t backend, const Backing& backing) {
  chunks_[chunk].backend = backend;
  chunks_[chunk].backing = backing;
  RecordMappings(chunk, 1, true);
  CountUnverified(chunks_[chunk], +1);
}

void Heap::KeepShadow(uint32_t chunk, Shadow shadow) {
  std::list<uint32_t>& shadowed = backends_[shadow.backend].shadowed;
  const auto place = shadowed.insert(shadowed.end(), chunk);
  shadows_.emplace(chunk, KeptShadow{.shadow = std::move(shadow), .place = place});
}

std::optional<Shadow> Heap::TakeShadow(uint32_t chunk) {
  const auto found = shadows_.find(chunk);
  if (found == shadows_.end()) return std::nullopt;
  std::optional<Shadow> shadow(std::move(found->second.shadow));
  backends_[shadow->backend].shadowed.erase(found->second.place);
  shadows_.erase(found);
  return shadow;
}

bool Heap::DropOldestShadow(uint32_t backend) {
  const std::list<uint32_t>& shadowed = backends_[backend].shadowed;
  if (shadowed.empty()) return false;
  DropShadow(shadowed.front());
  return true;
}

void Heap::DropShadow(uint32_t chunk) {
  const std::optional<Shadow> shadow = TakeShadow(chunk);
  if (!shadow.has_value()) return;
  backends_[shadow->backend].backend->Release(std::span(&shadow->backing, 1));
  Uncharge(shadow->backend, 1);
}

void Heap::DropShadows(uint32_t first, uint32_t chunks) {
  for (auto shadow = shadows_.lower_bound(first);
       shadow != shadows_.end() && shadow->first < first + chunks;) {
    DropShadow((shadow++)->first);
  }
}

void Heap::BeginMove(uint32_t chunk, std::shared_ptr<MoveControl> control) {
  BeginUse(chunk);
  RunOf(chunk).moving = true;
  RunOf(chunk).control = std::move(control);
}

void Heap::EndMove(uint32_t chunk) {
  RunOf(chunk).moving = false;
  RunOf(chunk).control.reset();
  EndUse(chunk);
}

bool Heap::Moving(uint32_t chunk) const {
  const auto run = Find(chunk);
  return run != runs_.end() && run->second.moving;
}

Status Heap::CancelMove(uint32_t first) {
  const Result<RunView> view = RunAt(first);
  if (!view.ok()) return view.status();
  if (const auto& control = RunOf(first).control; control != nullptr) control->Cancel();
  return {};
}

Status Heap::Pin(uint32_t first) {
  Status cancelled = CancelMove(first);
  if (!cancelled.ok()) return cancelled;
  Run& run = RunOf(first);
  if (run.control != nullptr) run.control->Wait();
  ++run.pins;
  return {};
}

Status Heap::Unpin(uint32_t first) {
  const auto run = runs_.find(first);
  if (run == runs_.end() || run->second.pins == 0) {
    return {Code::kInvalid, "no pinned run starts at chunk " + std::to_string(first)};
  }
  --run->second.pins;
  return {};
}

bool Heap::Pinned(uint32_t chunk) const {
  const auto run = Find(chunk);
  return run != runs_.end() && run->second.pins > 0;
}

}  // namespace memtiers
