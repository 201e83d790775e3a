#include "memory/heap.h"

#include <iterator>
#include <span>
#include <utility>

#include "base/bytes.h"
#include "memory/mapping_budget.h"

namespace memtiers {
namespace {

Status Closed() { return {Code::kClosed, "the heap is closed"}; }

Status NoRun(uint32_t chunk) {
  return {Code::kInvalid, "chunk " + std::to_string(chunk) + " is not part of such a run"};
}

}  // namespace

Result<std::unique_ptr<Heap>> Heap::Open(size_t reserve_bytes) {
  Result<AddressWindow> window = AddressWindow::Reserve(reserve_bytes);
  if (!window.ok()) return window.status();
  auto counter = std::make_shared<DamageCounter>(0);
  Result<std::unique_ptr<BusFaultGuard>> guard = BusFaultGuard::Guard(
      window.value().AddressOf(0), window.value().chunks() * kChunkBytes, counter);
  if (!guard.ok()) return guard.status();
  return std::unique_ptr<Heap>(
      new Heap(std::move(window.value()), std::move(guard.value()), std::move(counter)));
}

Heap::~Heap() {
  Close();
  if (!chunks_.empty()) RecordMappings(0, static_cast<uint32_t>(chunks_.size()), false);
  // Whoever still uses a run keeps the heap alive, so none is left; a run that could not be
  // unmapped goes with the window.
}

Result<uint32_t> Heap::AddBackend(std::unique_ptr<Backend> backend, uint64_t capacity_bytes) {
  if (closed_) return Closed();
  backends_.push_back({.backend = std::move(backend),
                       .capacity_chunks = AlignUp(capacity_bytes, kChunkBytes) / kChunkBytes});
  return static_cast<uint32_t>(backends_.size() - 1);
}

Status Heap::CheckBackend(uint32_t backend) const {
  if (closed_) return Closed();
  if (backend < backends_.size()) return {};
  return {Code::kInvalid, "there is no backend " + std::to_string(backend)};
}

Status Heap::Charge(uint32_t backend, uint32_t chunks) {
  Status known = CheckBackend(backend);
  if (!known.ok()) return known;
  BackendEntry& entry = backends_[backend];
  const uint64_t retired = entry.backend->retired_chunks();
  while (entry.charged_chunks + retired + chunks > entry.capacity_chunks &&
         DropOldestShadow(backend)) {
  }
  if (entry.charged_chunks + retired + chunks > entry.capacity_chunks) {
    ++entry.refused_allocations;
    std::string what = std::string(BackendKindName(entry.backend->kind())) + " backend, " +
                       std::to_string(chunks) + " chunks: its budget of " +
                       std::to_string(entry.capacity_chunks) + " chunks is used up";
    if (retired > 0) what += ", " + std::to_string(retired) + " of them by damaged places";
    return {Code::kFull, std::move(what)};
  }
  entry.charged_chunks += chunks;
  return {};
}

void Heap::Uncharge(uint32_t backend, uint32_t chunks) {
  backends_[backend].charged_chunks -= chunks;
}

void Heap::Refuse(uint32_t backend, uint32_t chunks) {
  Uncharge(backend, chunks);
  ++backends_[backend].refused_allocations;
}

Heap::Runs::const_iterator Heap::Find(uint32_t chunk) const {
  auto run = runs_.upper_bound(chunk);
  if (run == runs_.begin()) return runs_.end();
  --run;
  return chunk - run->first < run->second.chunks ? run : runs_.end();
}

Result<RunView> Heap::RestOfRun(uint32_t chunk) const {
  if (closed_) return Closed();
  const auto run = Find(chunk);
  if (run == runs_.end() || run->second.freed) return NoRun(chunk);
  const uint32_t skipped = chunk - run->first;
  return RunView{.first = chunk,
                 .chunks = run->second.chunks - skipped,
                 .address = run->second.address + skipped * kChunkBytes};
}

Result<RunView> Heap::RunAt(uint32_t first) const {
  if (!closed_ && !runs_.contains(first)) return NoRun(first);
  return RestOfRun(first);
}

Result<RunView> Heap::PartOfRun(uint32_t chunk, uint32_t chunks) const {
  Result<RunView> rest = RestOfRun(chunk);
  if (!rest.ok()) return rest;
  if (chunks == 0 || chunks > rest.value().chunks) return NoRun(chunk);
  rest.value().chunks = chunks;
  return rest;
}

Result<uint32_t> Heap::BackendOf(uint32_t chunk) const {
  const Result<RunView> rest = RestOfRun(chunk);
  if (!rest.ok()) return rest.status();
  return chunks_[chunk].backend;
}

Result<HeapBackendStats> Heap::Stats(uint32_t backend) const {
  Status known = CheckBackend(backend);
  if (!known.ok()) return known;
  const BackendEntry& entry = backends_[backend];
  return HeapBackendStats{.kind = entry.backend->kind(),
                          .capacity_bytes = entry.capacity_chunks * kChunkBytes,
                          .mapped_bytes = entry.charged_chunks * kChunkBytes,
                          .refused_allocations = entry.refused_allocations,
                          .unverified_chunks = entry.unverified_chunks,
                          .retired_chunks = entry.backend->retired_chunks(),
                          .shadow_chunks = entry.shadowed.size(),
                          .fixed_address = entry.backend->fixed_address(),
                          .durable = entry.backend->durable(),
                          .note = entry.backend->note()};
}

void Heap::CountUnverified(const Chunk& chunk, int change) {
  if (!chunk.backing.verified) backends_[chunk.backend].unverified_chunks += change;
}

void Heap::Rebacked(uint32_t chunk, uint32_t backend, const Backing& backing) {
  ReleaseBackings(chunk, 1);
  Take(chunk, backend, backing);
}

Status Heap::CheckMappings(uint32_t chunks) {
  // A chunk in the middle of a mapping makes three of one.
  if (MappingBudget::HasRoom(2 * size_t{chunks})) return {};
  return {Code::kFull, "this process' share of mappings, " +
                           std::to_string(MappingBudget::limit()) +
                           ", is used up; raise vm.max_map_count"};
}

// What the kernel looks at when it merges neighbours: the same file at consecutive offsets, or
// plain memory with the same policy that was mapped in place.
uint64_t Heap::MappingOf(uint32_t chunk) const {
  constexpr uint64_t kPlain = uint64_t{1} << 62;
  constexpr uint64_t kRelocated = uint64_t{2} << 62;
  constexpr uint64_t kFile = uint64_t{3} << 62;
  constexpr int kBackendShift = 40;
  const auto& [index, backing, mapping] = chunks_[chunk];
  const Backend& owner = *backends_[index].backend;
  if (!owner.fixed_address()) return 0;
  // Small pages and a policy of several nodes part a striped run from everybody else's.
  if (backing.relocated || backing.striped) return kRelocated | chunk;
  if (backing.slot == Backing::kNoSlot) return kPlain | (owner.node().value_or(-1) + 1);
  const uint64_t distance = (backing.slot - chunk) & ((uint64_t{1} << kBackendShift) - 1);
  return kFile | uint64_t{index} << kBackendShift | distance;
}

int64_t Heap::Borders(uint32_t first, uint32_t chunks) const {
  int64_t borders = 0;
  for (uint32_t i = first; i <= first + chunks; ++i) {
    const uint64_t left = i == 0 ? 0 : chunks_[i - 1].mapping;
    const uint64_t right = i < chunks_.size() ? chunks_[i].mapping : 0;
    borders += left != right ? 1 : 0;
  }
  return borders;
}

void Heap::RecordMappings(uint32_t first, uint32_t chunks, bool mapped) {
  const int64_t before = Borders(first, chunks);
  for (uint32_t i = first; i < first + chunks; ++i) chunks_[i].mapping = mapped ? MappingOf(i) : 0;
  MappingBudget::Change(Borders(first, chunks) - before);
}

void Heap::MarkVerified(uint32_t chunk, bool verified) {
  CountUnverified(chunks_[chunk], -1);
  chunks_[chunk].backing.verified = verified;
  CountUnverified(chunks_[chunk], +1);
}

void Heap::ReleaseBackings(uint32_t first, uint32_t chunks) {
  std::vector<Backing> backings;
  for (uint32_t begin = first; begin < first + chunks;) {
    const uint32_t owner = chunks_[begin].backend;
    const bool damaged = Damaged(begin, 1);
    backings.clear();
    uint32_t end = begin;
    for (; end < first + chunks && chunks_[end].backend == owner && Damaged(end, 1) == damaged;
         ++end) {
      CountUnverified(chunks_[end], -1);
      backings.push_back(chunks_[end].backing);
    }
    backends_[owner].backend->GiveBack(backings, damaged);
    Uncharge(owner, end - begin);
    begin = end;
  }
}

// What a library allocated as a whole goes as a whole.
void Heap::ReleaseWhole(uint32_t first, Run& run) {
  const uint32_t owner = chunks_[first].backend;
  const bool damaged = Damaged(first, run.chunks);
  // Before the library has the memory back: its next user guards it, too.
  run.guard.reset();
  std::vector<Backing> backings;
  for (uint32_t chunk = first; chunk < first + run.chunks; ++chunk) {
    CountUnverified(chunks_[chunk], -1);
    backings.push_back(chunks_[chunk].backing);
  }
  backends_[owner].backend->GiveBack(backings, damaged);
  Uncharge(owner, run.chunks);
}

void Heap::Release(Runs::iterator run) {
  const uint32_t first = run->first;
  Run& state = run->second;
  // Unmapped first, so that no backing is given to somebody else while it can still be reached from
  // here. When the process is out of mappings the run stays charged: its memory is still there.
  const bool fixed = backends_[chunks_[first].backend].backend->fixed_address();
  if (fixed && !window_.Give(first, state.chunks).ok()) return;
  RecordMappings(first, state.chunks, false);
  DropShadows(first, state.chunks);
  if (fixed) {
    ReleaseBackings(first, state.chunks);
  } else {
    ReleaseWhole(first, state);
    (void)window_.Give(first, state.chunks);
  }
  guard_->record().Forget(first * kChunkBytes, state.chunks * kChunkBytes);
  runs_.erase(run);
}

Status Heap::Free(uint32_t first) {
  const Result<RunView> view = RunAt(first);
  if (!view.ok()) return view.status();
  Discard(runs_.find(first));
  return {};
}

void Heap::Discard(Runs::iterator run) {
  run->second.freed = true;
  if (run->second.share != nullptr) run->second.share->Close();
  ReleaseIfIdle(run);
}

void Heap::BeginUse(uint32_t chunk) { ++RunOf(chunk).uses; }

void Heap::EndUse(uint32_t chunk) {
  const auto run = runs_.find(Find(chunk)->first);
  --run->second.uses;
  ReleaseIfIdle(run);
  CloseBackends();
}

bool Heap::InUse(uint32_t chunk) const {
  const auto run = Find(chunk);
  return run != runs_.end() && run->second.uses > 0;
}

Heap::Guarded Heap::GuardedAt(Runs::const_iterator run, uint32_t chunk) const {
  if (run->second.guard != nullptr) {
    return {.record = &run->second.guard->record(), .offset = (chunk - run->first) * kChunkBytes};
  }
  return {.record = &guard_->record(), .offset = chunk * kChunkBytes};
}

bool Heap::Damaged(uint32_t first, uint32_t chunks) const {
  const auto [record, offset] = GuardedAt(Find(first), first);
  return record->Any(offset, chunks * kChunkBytes);
}

DamageProbe Heap::ProbeDamage(uint32_t chunk) const {
  const auto [record, offset] = GuardedAt(Find(chunk), chunk);
  return {record, offset};
}

std::vector<DamagedRange> Heap::DamagedRanges() const {
  std::vector<DamagedRange> damaged;
  for (auto run = runs_.begin(); run != runs_.end(); ++run) {
    if (run->second.freed) continue;
    const auto [record, offset] = GuardedAt(run, run->first);
    for (const DamagedBytes& range : record->Ranges(offset, run->second.chunks * kChunkBytes)) {
      const size_t from_run = range.offset - offset;
      damaged.push_back({.chunk = run->first + static_cast<uint32_t>(from_run / kChunkBytes),
                         .byte_offset = from_run % kChunkBytes,
                         .byte_length = range.bytes,
                         .cause = range.cause});
    }
  }
  return damaged;
}

Status Heap::CheckIntact(uint32_t chunk, uint64_t byte_offset, uint64_t byte_length) const {
  const auto [record, offset] = GuardedAt(Find(chunk), chunk);
  if (!record->Any(offset + byte_offset, byte_length)) return {};
  const DamagedBytes worst = record->Ranges(offset + byte_offset, byte_length).front();
  const size_t from_chunk = worst.offset - offset;
  return {Code::kLost, "chunk " + std::to_string(chunk + from_chunk / kChunkBytes) + ", " +
                           std::to_string(worst.bytes / kKiB) + " KiB at " +
                           std::to_string(from_chunk % kChunkBytes) + ": " +
                           (worst.cause == DamageCause::kPoison ? "a poisoned page"
                                                                : "nothing is behind the address")};
}

void Heap::Close() {
  closed_ = true;
  for (auto run = runs_.begin(); run != runs_.end();) {
    const auto next = std::next(run);
    Discard(run);
    run = next;
  }
  CloseBackends();
}

// Not before the last run is gone: its chunks have to be released to them.
void Heap::CloseBackends() {
  if (closed_ && runs_.empty()) backends_.clear();
}

}  // namespace memtiers
