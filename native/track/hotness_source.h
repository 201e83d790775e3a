// What the kernel or the CPU can tell about accesses that no code of ours sees: one source a file,
// one interface.
//
// A source belongs to one heap. Watch is called on the heap's owner thread, Collect on any, never
// both at once. Watched addresses stay the heap's own meanwhile, but what is mapped there can go
// and come. A source never changes what the watched bytes are, nor who may access them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"

namespace memtiers {

enum class HotnessKind { kDamon, kWriteProtect, kReferenced, kPmu, kPageCache };

// The kind's name in lib/memory/hotness-binding.ts, e.g. "write-protect".
const char* HotnessKindName(HotnessKind kind);

struct HotnessProbe {
  HotnessKind kind = HotnessKind::kReferenced;
  bool available = false;
  bool sees_reads = false;
  bool sees_writes = false;
  // Why it is not available, or what it is limited to.
  std::string detail;
};

struct WatchedChunk {
  uint32_t chunk = 0;
  std::byte* address = nullptr;
};

// Accesses to one chunk since the last collection: pages found accessed, or samples; an estimate
// that grows with the accesses.
struct ChunkAccesses {
  uint32_t chunk = 0;
  uint32_t reads = 0;
  uint32_t writes = 0;
};

struct Collection {
  std::vector<ChunkAccesses> chunks;  // only those with accesses
  std::chrono::nanoseconds cost{0};   // CPU time, the collecting thread's
  uint64_t scanned_bytes = 0;
};

class HotnessSource {
 public:
  HotnessSource() = default;
  HotnessSource(const HotnessSource&) = delete;
  HotnessSource& operator=(const HotnessSource&) = delete;
  virtual ~HotnessSource() = default;

  virtual HotnessKind kind() const = 0;

  // Replaces the set of watched chunks. The first collection after a chunk is added may miss what
  // happened before it.
  virtual Status Watch(std::vector<WatchedChunk> chunks) = 0;

  virtual Result<Collection> Collect() = 0;
};

// Every kind, best first, with what stands in the way of those that do not work here. Opens and
// closes what they need: milliseconds.
std::vector<HotnessProbe> ProbeHotnessSources();

// kUnavailable, kNoPermission: it does not work here.
Result<std::unique_ptr<HotnessSource>> OpenHotnessSource(HotnessKind kind);

}  // namespace memtiers
