// How a JavaScript value lies in a pool: its bytes, and behind them one byte that says what type
// they were of (lib/memory/data.ts numbers the types). Behind, so that the bytes begin where the
// pool aligns them. Regions and counters have no such byte: their readers know what they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "pool/pool_set.h"

namespace memtiers {

inline constexpr uint32_t kMaxPoolValueType = 31;
// Of what is no value, or was not written from JavaScript.
inline constexpr uint32_t kNoPoolValueType = 255;

struct PoolValueBytes {
  std::span<std::byte> bytes;
  uint32_t type = kNoPoolValueType;
};

inline PoolValueBytes ToPoolValue(const SetHeld& held) {
  if (held.kind != ObjectKind::kValue || held.payload.empty()) return {.bytes = held.payload};
  const auto type = static_cast<uint32_t>(held.payload.back());
  if (type > kMaxPoolValueType) return {.bytes = held.payload};
  return {.bytes = held.payload.first(held.payload.size() - 1), .type = type};
}

inline uint64_t PoolPayloadBytes(uint64_t value_bytes) { return value_bytes + 1; }

// REQUIRES: `payload` has PoolPayloadBytes(bytes.size()).
inline void WritePoolValue(std::span<std::byte> payload, std::span<const std::byte> bytes,
                           uint32_t type) {
  if (!bytes.empty()) std::memcpy(payload.data(), bytes.data(), bytes.size());
  payload.back() = static_cast<std::byte>(type);
}

}  // namespace memtiers
