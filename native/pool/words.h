// The 64-bit words that hold all of a pool's truth, and how they are packed.
//
// Every change of the pool is one store or one compare-and-swap of such a word, so there is no log.
// What is read from the pool may be rubbish: unpacking never fails, and whoever unpacks checks the
// fields' range.
#pragma once

#include <cstdint>

namespace memtiers {

// Directory: 0 empty, 1 deleted, else bit 63 and tag, granule and generation.
inline constexpr uint64_t kEmptyWord = 0;
inline constexpr uint64_t kTombWord = 1;
inline constexpr unsigned kGranuleBits = 36;  // in granules of 64 B: 4 TiB

struct ObjectWord {
  uint16_t tag = 0;         // 16 bits of the key's hash that choose neither shard nor position
  uint64_t granule = 0;     // the object's offset in the pool / 64
  uint16_t generation = 0;  // the low 11 bits of the object's version

  constexpr uint64_t Pack() const {
    return uint64_t{1} << 63 | uint64_t{tag} << 47 | granule << 11 | generation;
  }
  static constexpr bool IsObject(uint64_t word) { return word >> 63 != 0; }
  static constexpr ObjectWord Unpack(uint64_t word) {
    return {.tag = static_cast<uint16_t>(word >> 47),
            .granule = word >> 11 & ((uint64_t{1} << kGranuleBits) - 1),
            .generation = static_cast<uint16_t>(word & 0x7ff)};
  }
};

enum class MemberState : uint16_t { kFree = 0, kLive = 1, kRecovering = 2 };

struct MemberWord {
  uint64_t generation = 0;  // 48 bits: one more at each join
  MemberState state = MemberState::kFree;
  uint16_t host = 0;  // 14 bits: which host recovers, in kRecovering

  constexpr uint64_t Pack() const {
    return generation << 16 | uint64_t{host} << 2 | static_cast<uint16_t>(state);
  }
  static constexpr MemberWord Unpack(uint64_t word) {
    return {.generation = word >> 16,
            .state = static_cast<MemberState>(word & 3),
            .host = static_cast<uint16_t>(word >> 2 & 0x3fff)};
  }
};

// A shard's lock: 0 free, else who has it.
struct LockWord {
  uint32_t member = 0;
  uint64_t generation = 0;

  constexpr uint64_t Pack() const { return generation << 16 | (member + 1); }
  // REQUIRES: word != 0. Rubbish gives a member that does not exist.
  static constexpr LockWord Unpack(uint64_t word) {
    return {.member = static_cast<uint32_t>((word & 0xffff) - 1), .generation = word >> 16};
  }
};

enum class ExtentState : uint8_t { kFree = 0, kOwned = 1, kOrphan = 2 };
inline constexpr uint8_t kRunClass = 63;  // an extent of a value that takes several
// An extent of a member's own that holds no objects: nothing names it, so it is free when he is
// gone.
inline constexpr uint8_t kPrivateClass = 62;

struct ExtentWord {
  ExtentState state = ExtentState::kFree;
  uint8_t size_class = 0;
  uint8_t member = 0;
  uint32_t generation = 0;  // 24 bits: one more at each change of owner
  uint32_t run_index = 0;   // 24 bits: 0 is a run's first extent

  constexpr uint64_t Pack() const {
    return uint64_t{static_cast<uint8_t>(state)} << 62 | uint64_t{size_class} << 56 |
           uint64_t{member} << 48 | uint64_t{generation & 0xffffff} << 24 | (run_index & 0xffffff);
  }
  static constexpr ExtentWord Unpack(uint64_t word) {
    return {.state = static_cast<ExtentState>(word >> 62),
            .size_class = static_cast<uint8_t>(word >> 56 & 0x3f),
            .member = static_cast<uint8_t>(word >> 48),
            .generation = static_cast<uint32_t>(word >> 24 & 0xffffff),
            .run_index = static_cast<uint32_t>(word & 0xffffff)};
  }
};

}  // namespace memtiers
