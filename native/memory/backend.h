// How a tier's bytes are obtained. One provider a file; the heap keeps the books and the budgets.
//
// Map, MapAgain, Obtain, Write, Release and Retire may be called on any thread of backends with a
// fixed address; everything else, and all of the others, by the heap's owner only. A backend
// outlives every chunk it backs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"

namespace memtiers {

enum class BackendKind { kNuma, kFile, kDax, kMemkind, kSimulated, kPersistent, kPool };

// The kind's name as users write it, e.g. "numa".
const char* BackendKindName(BackendKind kind);

// What a backend remembers of one chunk.
struct Backing {
  static constexpr uint64_t kNoSlot = ~uint64_t{0};

  // Where in the file, device or library the chunk lives; kNoSlot for plain memory.
  uint64_t slot = kNoSlot;
  // Known to lie where it was asked for, or bound to it and not yet touched.
  bool verified = true;
  // Plain memory that came from another address: the kernel never merges it with its neighbours'
  // mapping.
  bool relocated = false;
  // Plain memory whose pages are dealt out to several nodes.
  bool striped = false;
};

struct MapRequest {
  // Reserved address space, chunk aligned. Ignored by backends that choose addresses themselves.
  std::byte* address = nullptr;
  uint32_t chunks = 0;
  // Bring all pages in now, whatever the size.
  bool populate = false;
  // Bring none in, however few: they come when they are touched.
  bool deferred = false;
  // The caller writes every byte before anybody reads one, so old contents need not be cleared.
  bool overwritten = false;
};

struct MappedRun {
  std::byte* address = nullptr;
  std::vector<Backing> backings;  // one for each chunk
};

class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  virtual BackendKind kind() const = 0;

  // Chunks appear at the address asked for, and so can change backend without changing address.
  virtual bool fixed_address() const { return true; }

  // Chunks are ordinary memory whose pages the kernel can migrate between nodes.
  virtual bool page_migratable() const { return false; }

  // The node the memory is bound to.
  virtual std::optional<int> node() const { return std::nullopt; }

  // The directory on a drive whose speed the page cache hides from whoever measures mapped chunks.
  virtual std::optional<std::string> drive_directory() const { return std::nullopt; }

  // Whether memory can be had of it now; asks the system.
  virtual bool available() const { return true; }

  // Something the user should know about this backend; empty when there is nothing to say.
  virtual std::string note() const { return {}; }

  // Obtains and maps chunks. They read as zero unless `overwritten`. On failure nothing is
  // obtained, but the address range may be left mapped: the caller turns it back into a
  // reservation.
  virtual Result<MappedRun> Map(const MapRequest& request) = 0;

  // Maps a chunk's place once more: the same bytes at another address. Pages come in when they are
  // touched. Only backends whose chunks have a slot.
  virtual Status MapAgain(std::byte* /*address*/, const Backing& /*backing*/) const {
    return {Code::kInvalid, std::string(BackendKindName(kind())) + " memory has one address"};
  }

  // Whether a chunk's bytes can be put where they lie without a mapping, by the two calls below.
  virtual bool writes_unmapped() const { return false; }

  // Obtains a place for one chunk, as Map does, and does not map it. The caller writes all of it
  // before it is mapped. REQUIRES: writes_unmapped().
  virtual Result<Backing> Obtain() {
    return Status(Code::kInvalid, std::string(BackendKindName(kind())) + " memory is mapped");
  }

  // Writes bytes at an offset of a chunk's place, be they changed meanwhile; mappings of it see
  // them. kLost: the memory to be copied is lost. REQUIRES: writes_unmapped(); inside the chunk.
  virtual Status Write(const Backing& /*backing*/, size_t /*offset*/,
                       std::span<const std::byte> /*bytes*/) const {
    return {Code::kInvalid, std::string(BackendKindName(kind())) + " memory is mapped"};
  }

  // Gives back what `Map` or `Obtain` obtained, in the whole or for single chunks. REQUIRES:
  // nothing maps them any more (backends with a fixed address), nobody uses them (the others).
  virtual void Release(std::span<const Backing> backings) = 0;

  // As Release, for chunks the device lost bytes of. What is behind them may still be bad: a
  // backend that has places of its own never uses these again. Of plain memory the kernel has taken
  // the bad page out.
  virtual void Retire(std::span<const Backing> backings) { Release(backings); }

  // Releases chunks, or retires them when the device lost bytes of them.
  void GiveBack(std::span<const Backing> backings, bool damaged) {
    damaged ? Retire(backings) : Release(backings);
  }

  // Chunks that Retire keeps out of use.
  virtual uint64_t retired_chunks() const { return 0; }

  // Brings pages in. Safe on any thread while others access them.
  virtual Status Prefault(std::byte* address, size_t bytes) const = 0;

  // Whether Flush brings bytes to a medium that keeps them without power.
  virtual bool durable() const { return false; }

  // Brings bytes to the medium and waits for it. True: a durable medium holds them now. False: this
  // is volatile memory, and nothing was done. Whether they can be found again after the process is
  // another matter: a file without a name ends with it. An error is final where a failed write-back
  // cannot be told from a good one afterwards. Safe on any thread. REQUIRES: whole pages.
  virtual Result<bool> Flush(std::byte* /*address*/, size_t /*bytes*/) const { return false; }
};

}  // namespace memtiers
