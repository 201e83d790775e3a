// The chunk table: an address window, its backends and their budgets, and the runs handed out.
//
// Not thread-safe: one owner thread makes every call. Memory may be accessed from any thread; a
// background operation on it is bracketed by BeginUse and EndUse on the owner's thread, and what is
// freed meanwhile goes back when the last use ends.
//
// Memory that its device loses reads as zeroes from then on, is counted at once on the thread that
// found out, and is named by DamagedRanges until its run is freed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "memory/address_window.h"
#include "memory/backend.h"
#include "sys/bus_fault.h"

namespace memtiers {

struct RunView {
  uint32_t first = 0;
  uint32_t chunks = 0;
  std::byte* address = nullptr;
};

struct HeapBackendStats {
  BackendKind kind = BackendKind::kSimulated;
  uint64_t capacity_bytes = 0;
  uint64_t mapped_bytes = 0;
  uint64_t refused_allocations = 0;
  uint64_t unverified_chunks = 0;
  uint64_t retired_chunks = 0;
  bool fixed_address = true;
  bool durable = false;
  std::string note;
};

// Lost bytes of one chunk, in multiples of 4 KiB.
struct DamagedRange {
  uint32_t chunk = 0;
  uint64_t byte_offset = 0;
  uint64_t byte_length = 0;
  DamageCause cause = DamageCause::kLost;
};

class Heap {
 public:
  // `reserve_bytes` of address space bound what can be allocated at once.
  static Result<std::unique_ptr<Heap>> Open(size_t reserve_bytes);

  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;
  ~Heap();

  // Adds a backend that may hold at most `capacity_bytes`, rounded up to chunks; returns its index.
  Result<uint32_t> AddBackend(std::unique_ptr<Backend> backend, uint64_t capacity_bytes);

  // Takes a run of zero-filled chunks; returns the first one's number. kFull: budget, backend or
  // address space is used up. kIo: the device failed while the chunks were cleared.
  Result<uint32_t> Allocate(uint32_t backend, uint32_t chunks);

  // Gives a run back, now or when its last use ends. kInvalid: no run starts there.
  Status Free(uint32_t first);

  // The run that starts at a chunk.
  Result<RunView> RunAt(uint32_t first) const;
  // The part of a run from a chunk on. kInvalid: not `chunks` chunks of one run.
  Result<RunView> PartOfRun(uint32_t chunk, uint32_t chunks) const;
  // The run's rest from a chunk on.
  Result<RunView> RestOfRun(uint32_t chunk) const;

  Result<uint32_t> BackendOf(uint32_t chunk) const;
  // One more than the highest chunk ever used.
  uint32_t end_chunk() const { return static_cast<uint32_t>(chunks_.size()); }
  // REQUIRES: `index` is a backend of this heap.
  Backend& backend(uint32_t index) const { return *backends_[index].backend; }
  Result<HeapBackendStats> Stats(uint32_t backend) const;
  Status CheckBackend(uint32_t backend) const;

  // Brackets background work on the run a chunk belongs to. REQUIRES: the chunk belongs to a run.
  void BeginUse(uint32_t chunk);
  void EndUse(uint32_t chunk);
  bool InUse(uint32_t chunk) const;

  // As a use, but a run takes part in one page move at a time. REQUIRES: the chunk belongs to a
  // run.
  void BeginMove(uint32_t chunk);
  void EndMove(uint32_t chunk);
  bool Moving(uint32_t chunk) const;

  // Moving chunks between backends, in three steps: room is charged before anything moves, and
  // either taken up chunk by chunk or given back.
  Status Charge(uint32_t backend, uint32_t chunks);
  void Uncharge(uint32_t backend, uint32_t chunks);
  // As Uncharge, counting a refusal.
  void Refuse(uint32_t backend, uint32_t chunks);
  // kFull: so many chunks with mappings of their own would exceed this process' share of mappings.
  static Status CheckMappings(uint32_t chunks);
  // REQUIRES: the chunk belongs to a run.
  const Backing& BackingOf(uint32_t chunk) const { return chunks_[chunk].backing; }
  // The chunk is now backed by `backing` of a backend charged for it; its old backing is released.
  // REQUIRES: nothing maps the old backing any more.
  void Rebacked(uint32_t chunk, uint32_t backend, const Backing& backing);
  // Whether the chunk's pages are known to lie where they should. REQUIRES: it belongs to a run.
  void MarkVerified(uint32_t chunk, bool verified);

  // What is lost of the runs there are, by run and address.
  std::vector<DamagedRange> DamagedRanges() const;
  // kLost: some of these bytes are; it says which. REQUIRES: inside a run, be it freed and in use.
  Status CheckIntact(uint32_t chunk, uint64_t byte_offset, uint64_t byte_length) const;
  // Grows whenever bytes are lost. Any thread may read it; it may outlive the heap.
  const std::shared_ptr<DamageCounter>& damage_counter() const { return damage_counter_; }

  // Frees every run, and refuses every later call with kClosed. Runs in use follow when their use
  // ends.
  void Close();
  bool closed() const { return closed_; }

 private:
  struct BackendEntry {
    std::unique_ptr<Backend> backend;
    uint64_t capacity_chunks = 0;
    uint64_t charged_chunks = 0;
    uint64_t unverified_chunks = 0;
    uint64_t refused_allocations = 0;
  };
  struct Chunk {
    uint32_t backend = 0;
    Backing backing;
    uint64_t mapping = 0;  // equal in neighbours that share a mapping; 0: nothing is mapped
  };
  struct Run {
    uint32_t chunks = 0;
    std::byte* address = nullptr;
    uint32_t uses = 0;
    bool moving = false;
    bool freed = false;
    // Of a run outside the window.
    std::unique_ptr<BusFaultGuard> guard = nullptr;
  };
  // A chunk in the record of the guard that covers it.
  struct Guarded {
    DamageRecord* record;
    size_t offset;
  };
  using Runs = std::map<uint32_t, Run>;

  Heap(AddressWindow window, std::unique_ptr<BusFaultGuard> guard,
       std::shared_ptr<DamageCounter> counter)
      : window_(std::move(window)), guard_(std::move(guard)), damage_counter_(std::move(counter)) {}

  Runs::const_iterator Find(uint32_t chunk) const;
  Run& RunOf(uint32_t chunk) { return runs_.find(Find(chunk)->first)->second; }
  void Release(Runs::iterator run);
  void CloseBackends();
  void ReleaseBackings(uint32_t first, uint32_t chunks);
  void ReleaseWhole(uint32_t first, Run& run);
  uint64_t MappingOf(uint32_t chunk) const;
  void RecordMappings(uint32_t first, uint32_t chunks, bool mapped);
  int64_t Borders(uint32_t first, uint32_t chunks) const;
  void CountUnverified(const Chunk& chunk, int change);
  Guarded GuardedAt(Runs::const_iterator run, uint32_t chunk) const;
  bool Damaged(uint32_t first, uint32_t chunks) const;

  AddressWindow window_;
  std::unique_ptr<BusFaultGuard> guard_;  // of the window, which it must not outlive
  std::shared_ptr<DamageCounter> damage_counter_;
  std::vector<BackendEntry> backends_;
  std::vector<Chunk> chunks_;  // grows to the highest chunk ever used
  Runs runs_;
  bool closed_ = false;
};

}  // namespace memtiers
