#include "sys/damage_record.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <utility>

#include "sys/mapping.h"
#include "sys/probe.h"

namespace memtiers {
namespace {

uint64_t Load(uint64_t* word) {
  return std::atomic_ref<uint64_t>(*word).load(std::memory_order_acquire);
}

void Set(uint64_t* word, uint64_t bits) {
  std::atomic_ref<uint64_t>(*word).fetch_or(bits, std::memory_order_acq_rel);
}

void Clear(uint64_t* word, uint64_t bits) {
  std::atomic_ref<uint64_t>(*word).fetch_and(~bits, std::memory_order_acq_rel);
}

}  // namespace

const char* DamageCauseName(DamageCause cause) {
  return cause == DamageCause::kPoison ? "poison" : "lost";
}

Result<DamageRecord> DamageRecord::Make(size_t bytes) {
  DamageRecord record(nullptr, bytes / kChunkBytes);
  const size_t storage = record.StorageBytes();
  Result<std::byte*> address = ReserveAddressSpace(storage, PageBytes());
  if (!address.ok()) return address.status();
  Status mapped = MapAnonymous(address.value(), storage);
  if (!mapped.ok()) {
    ReleaseAddressSpace(address.value(), storage);
    return mapped;
  }
  record.words_ = reinterpret_cast<uint64_t*>(address.value());
  return record;
}

DamageRecord::DamageRecord(DamageRecord&& other) noexcept
    : words_(std::exchange(other.words_, nullptr)), chunks_(other.chunks_) {}

DamageRecord::~DamageRecord() {
  if (words_ != nullptr) ReleaseAddressSpace(reinterpret_cast<std::byte*>(words_), StorageBytes());
}

size_t DamageRecord::StorageBytes() const {
  const size_t words = AlignUp(chunks_, kWordBits) / kWordBits + chunks_ * kWordsPerChunk;
  return AlignUp(words * sizeof(uint64_t), PageBytes());
}

uint64_t* DamageRecord::ChunkWords(size_t chunk) const {
  return words_ + AlignUp(chunks_, kWordBits) / kWordBits + chunk * kWordsPerChunk;
}

bool DamageRecord::MayHaveDamage(size_t chunk) const {
  return (Load(SummaryWord(chunk)) >> chunk % kWordBits & 1) != 0;
}

void DamageRecord::Mark(size_t offset, size_t bytes, DamageCause cause) {
  const size_t chunk = offset / kChunkBytes;
  uint64_t* const damaged = ChunkWords(chunk);
  const size_t first = offset % kChunkBytes / kGranuleBytes;
  for (size_t granule = first; granule < first + bytes / kGranuleBytes; ++granule) {
    const uint64_t bit = uint64_t{1} << granule % kWordBits;
    uint64_t* const word = damaged + granule / kWordBits;
    // Before the bit that makes it visible, so that nobody reads the wrong cause.
    if (cause == DamageCause::kPoison) Set(word + kWordsPerMap, bit);
    Set(word, bit);
  }
  Set(SummaryWord(chunk), uint64_t{1} << chunk % kWordBits);
}

bool DamageRecord::Any(size_t offset, size_t bytes) const {
  const size_t end = offset + bytes;
  for (size_t at = offset; at < end;) {
    const size_t chunk = at / kChunkBytes;
    const size_t chunk_end = std::min(end, (chunk + 1) * kChunkBytes);
    if (MayHaveDamage(chunk)) {
      uint64_t* const damaged = ChunkWords(chunk);
      const size_t last = (chunk_end - 1) % kChunkBytes / kGranuleBytes;
      for (size_t granule = at % kChunkBytes / kGranuleBytes; granule <= last; ++granule) {
        if ((Load(damaged + granule / kWordBits) >> granule % kWordBits & 1) != 0) return true;
      }
    }
    at = chunk_end;
  }
  return false;
}

size_t DamageRecord::BytesInChunk(size_t offset) const {
  uint64_t* const damaged = ChunkWords(offset / kChunkBytes);
  size_t granules = 0;
  for (size_t word = 0; word < kWordsPerMap; ++word)
    granules += std::popcount(Load(damaged + word));
  return granules * kGranuleBytes;
}

std::vector<DamagedBytes> DamageRecord::Ranges(size_t offset, size_t bytes) const {
  std::vector<DamagedBytes> ranges;
  const size_t begin = offset / kGranuleBytes;
  const size_t end = (offset + bytes + kGranuleBytes - 1) / kGranuleBytes;
  for (size_t granule = begin; granule < end; ++granule) {
    const size_t chunk = granule / kGranulesPerChunk;
    if (!MayHaveDamage(chunk)) {
      granule = (chunk + 1) * kGranulesPerChunk - 1;
      continue;
    }
    const size_t bit = granule % kGranulesPerChunk;
    uint64_t* const word = ChunkWords(chunk) + bit / kWordBits;
    if ((Load(word) >> bit % kWordBits & 1) == 0) continue;
    const bool poison = (Load(word + kWordsPerMap) >> bit % kWordBits & 1) != 0;
    const DamageCause cause = poison ? DamageCause::kPoison : DamageCause::kLost;
    const size_t at = granule * kGranuleBytes;
    const bool joins = !ranges.empty() && !IsAligned(at, kChunkBytes) &&
                       ranges.back().offset + ranges.back().bytes == at &&
                       ranges.back().cause == cause;
    if (joins) {
      ranges.back().bytes += kGranuleBytes;
    } else {
      ranges.push_back({.offset = at, .bytes = kGranuleBytes, .cause = cause});
    }
  }
  return ranges;
}

void DamageRecord::Forget(size_t offset, size_t bytes) {
  for (size_t chunk = offset / kChunkBytes; chunk < (offset + bytes) / kChunkBytes; ++chunk) {
    if (!MayHaveDamage(chunk)) continue;
    // The summary first: a mark that comes meanwhile sets it last, and so is not hidden.
    Clear(SummaryWord(chunk), uint64_t{1} << chunk % kWordBits);
    for (size_t word = 0; word < kWordsPerChunk; ++word) {
      Clear(ChunkWords(chunk) + word, ~uint64_t{0});
    }
  }
}

}  // namespace memtiers
