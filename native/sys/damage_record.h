// Which pages of a range were lost, and why: what a fault handler writes and everybody else reads.
//
// Thread-safe. Exact to 4 KiB for any range: 128 bytes a chunk of address space, which cost memory
// only where damage was recorded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace memtiers {

enum class DamageCause {
  kPoison,  // the hardware reported a memory error
  kLost,    // nothing is behind the address: beyond the end of a file, device gone, read error
};

// The cause's name as users see it, e.g. "poison".
const char* DamageCauseName(DamageCause cause);

struct DamagedBytes {
  size_t offset = 0;
  size_t bytes = 0;
  DamageCause cause = DamageCause::kLost;
};

class DamageRecord {
 public:
  static constexpr size_t kGranuleBytes = 4 * kKiB;

  // An empty record of a range. REQUIRES: `bytes` is a multiple of a chunk.
  static Result<DamageRecord> Make(size_t bytes);

  DamageRecord(DamageRecord&& other) noexcept;
  DamageRecord& operator=(DamageRecord&&) = delete;
  DamageRecord(const DamageRecord&) = delete;
  DamageRecord& operator=(const DamageRecord&) = delete;
  ~DamageRecord();

  // Async-signal-safe. REQUIRES: inside one chunk, in multiples of a granule.
  void Mark(size_t offset, size_t bytes, DamageCause cause);

  // Whether any byte of the range is damaged. Async-signal-safe.
  bool Any(size_t offset, size_t bytes) const;

  // Damaged bytes of the chunk that `offset` lies in. Async-signal-safe.
  size_t BytesInChunk(size_t offset) const;

  // The damage of the range in address order, joined where it touches but never across chunks.
  std::vector<DamagedBytes> Ranges(size_t offset, size_t bytes) const;

  // REQUIRES: multiples of a chunk.
  void Forget(size_t offset, size_t bytes);

 private:
  static constexpr size_t kGranulesPerChunk = kChunkBytes / kGranuleBytes;
  static constexpr size_t kWordBits = 64;
  // For each chunk one bit a granule: which are damaged, then which of them are poisoned.
  static constexpr size_t kWordsPerMap = kGranulesPerChunk / kWordBits;
  static constexpr size_t kWordsPerChunk = 2 * kWordsPerMap;

  DamageRecord(uint64_t* words, size_t chunks) : words_(words), chunks_(chunks) {}

  size_t StorageBytes() const;
  uint64_t* SummaryWord(size_t chunk) const { return words_ + chunk / kWordBits; }
  uint64_t* ChunkWords(size_t chunk) const;
  bool MayHaveDamage(size_t chunk) const;

  uint64_t* words_;  // one bit a chunk, then the chunks; read and written as atomics
  size_t chunks_;
};

}  // namespace memtiers
