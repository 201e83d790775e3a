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
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "memory/address_window.h"
#include "memory/backend.h"
#include "memory/move_control.h"
#include "memory/shadow.h"
#include "memory/shared_run.h"
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
  uint64_t shadow_chunks = 0;
  bool fixed_address = true;
  bool durable = false;
  std::string note;
};

// The place a chunk came from, kept for its way back.
struct Shadow {
  uint32_t backend = 0;
  Backing backing;
  std::shared_ptr<ShadowState> state;
};

// Tells whether a chunk has damage; any thread, while the chunk is in use.
class DamageProbe {
 public:
  DamageProbe(const DamageRecord* record, size_t offset) : record_(record), offset_(offset) {}
  bool Damaged() const { return record_->Any(offset_, kChunkBytes); }

 private:
  const DamageRecord* record_;
  size_t offset_;
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

  // As Allocate, each chunk from a backend of its own: one for each chunk, all of fixed addresses
  // unless they are the same. `deferred`: no page is brought in now, however short the run.
  Result<uint32_t> AllocateSpread(std::span<const uint32_t> backends, bool deferred);

  // Records that the pages of a run just allocated were dealt out to several nodes, and whether
  // they are known to lie there. It stays charged for as it was.
  void MarkStriped(uint32_t first, bool verified);

  // Gives a run back, now or when its last use ends. kInvalid: no run starts there.
  Status Free(uint32_t first);

  // The run that starts at a chunk.
  Result<RunView> RunAt(uint32_t first) const;
  // The part of a run from a chunk on. kInvalid: not `chunks` chunks of one run.
  Result<RunView> PartOfRun(uint32_t chunk, uint32_t chunks) const;
  // REQUIRES: the chunk belongs to a run.
  uint32_t FirstOfRun(uint32_t chunk) const { return Find(chunk)->first; }
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

  // As a use, but a run takes part in one move at a time. With `control` the move can be cancelled.
  // REQUIRES: the chunk belongs to a run.
  void BeginMove(uint32_t chunk, std::shared_ptr<MoveControl> control = nullptr);
  void EndMove(uint32_t chunk);
  bool Moving(uint32_t chunk) const;
  // Cancels the move of a run, if there is one that can be. kInvalid: no run starts there.
  Status CancelMove(uint32_t first);

  // Pins keep a run from being backed anew, for whoever gave its address to the kernel or a device.
  // A move under way is cancelled and waited for. Pages may still go from node to node: the kernel
  // knows which ones are in use. kInvalid: no run starts there, or it is not pinned.
  Status Pin(uint32_t first);
  Status Unpin(uint32_t first);
  bool Pinned(uint32_t chunk) const;

  // Moving chunks between backends, in three steps: room is charged before anything moves, and
  // either taken up chunk by chunk or given back. Shadows make way for what is charged.
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
  // As Rebacked, but the old backing is somebody else's now, and stays charged for.
  void Replaced(uint32_t chunk, uint32_t backend, const Backing& backing);
  // Keeps a charged backing as the chunk's shadow until it is taken, dropped for want of room, or
  // the run is freed. REQUIRES: the chunk belongs to a run and has no shadow.
  void KeepShadow(uint32_t chunk, Shadow shadow);
  // The shadow, with its charge, is the caller's.
  std::optional<Shadow> TakeShadow(uint32_t chunk);
  // Gives the chunk's shadow up, if it has one.
  void DropShadow(uint32_t chunk);
  // Gives up the shadow a backend has kept longest; false when it has none.
  bool DropOldestShadow(uint32_t backend);
  bool HasShadow(uint32_t chunk) const { return shadows_.contains(chunk); }
  // Whether the chunk's pages are known to lie where they should. REQUIRES: it belongs to a run.
  void MarkVerified(uint32_t chunk, bool verified);

  // Lets other threads hold a run by the token returned; always the same one. A run that is freed
  // stays mapped and charged while it is held. `unheld` is called on the thread that lets go last,
  // if that was after Free or Close. kInvalid: no run of so many bytes starts there, or it was
  // shared with another size.
  Result<std::string> Share(uint32_t first, uint64_t bytes, std::function<void()> unheld);
  // How many hold the run now; the next moment may be different.
  Result<uint32_t> Holders(uint32_t first) const;
  // Keeps others from beginning to hold the chunk's run while the lock lives; at once for a run
  // that was never shared. kBusy: somebody holds it. REQUIRES: the chunk belongs to a run.
  Result<std::unique_lock<std::mutex>> KeepAlone(uint32_t chunk) const;
  // Gives back the freed runs that nobody holds any more; whether some are still held.
  bool ReleaseUnheld();

  // What is lost of the runs there are, by run and address.
  std::vector<DamagedRange> DamagedRanges() const;
  // kLost: some of these bytes are; it says which. REQUIRES: inside a run, be it freed and in use.
  Status CheckIntact(uint32_t chunk, uint64_t byte_offset, uint64_t byte_length) const;
  DamageProbe ProbeDamage(uint32_t chunk) const;
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
    // Chunks with shadows here, oldest first.
    std::list<uint32_t> shadowed = {};
  };
  struct KeptShadow {
    Shadow shadow;
    std::list<uint32_t>::iterator place;  // in the backend's list
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
    uint32_t pins = 0;
    bool moving = false;
    bool freed = false;
    std::shared_ptr<SharedRun> share = nullptr;      // once it was shared
    std::shared_ptr<MoveControl> control = nullptr;  // of the move under way
    // Of a run outside the window.
    std::unique_ptr<BusFaultGuard> guard = nullptr;
  };
  // A chunk in the record of the guard that covers it.
  struct Guarded {
    DamageRecord* record;
    size_t offset;
  };
  using Runs = std::map<uint32_t, Run>;
  // Neighbours of one backend.
  struct Piece {
    uint32_t backend = 0;
    uint32_t chunks = 0;
  };

  Heap(AddressWindow window, std::unique_ptr<BusFaultGuard> guard,
       std::shared_ptr<DamageCounter> counter)
      : window_(std::move(window)), guard_(std::move(guard)), damage_counter_(std::move(counter)) {}

  Result<uint32_t> AllocatePieces(std::span<const Piece> pieces, bool deferred);
  Status ChargePieces(std::span<const Piece> pieces);
  void RefusePieces(std::span<const Piece> pieces, size_t refused);
  Result<MappedRun> MapPiece(const Piece& piece, std::byte* address, bool deferred);
  Runs::const_iterator Find(uint32_t chunk) const;
  Run& RunOf(uint32_t chunk) { return runs_.find(Find(chunk)->first)->second; }
  void Discard(Runs::iterator run);
  bool ReleaseIfIdle(Runs::iterator run);
  void Release(Runs::iterator run);
  void CloseBackends();
  void ReleaseBackings(uint32_t first, uint32_t chunks);
  void ReleaseWhole(uint32_t first, Run& run);
  void Take(uint32_t chunk, uint32_t backend, const Backing& backing);
  void DropShadows(uint32_t first, uint32_t chunks);
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
  std::map<uint32_t, KeptShadow> shadows_;  // by chunk
  bool closed_ = false;
};

}  // namespace memtiers
