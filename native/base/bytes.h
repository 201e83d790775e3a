// Sizes and alignment. The two units everything else is counted in are named here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace memtiers {

inline constexpr size_t kKiB = size_t{1} << 10;
inline constexpr size_t kMiB = size_t{1} << 20;
inline constexpr size_t kGiB = size_t{1} << 30;

// The unit of backing and of stable-address moves: 2 MiB of address space, 2 MiB aligned.
inline constexpr size_t kChunkBytes = 2 * kMiB;

// REQUIRES: `alignment` is a power of two.
constexpr size_t AlignUp(size_t value, size_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}
constexpr bool IsAligned(size_t value, size_t alignment) { return (value & (alignment - 1)) == 0; }

}  // namespace memtiers
