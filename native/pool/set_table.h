// The table of a set: which devices it has, which it has lost, and how often that has changed.
//
// Every device has it twice, and its epoch once more in a line of its own, which members compare
// before each operation. It is written one copy after the other, device by device, under the lock
// of shard 0 of all of them, so that a death leaves a newer one somewhere, which the next one to
// see it completes. A device that was away has an old epoch, and nothing on it counts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>

#include "pool/pool_memory.h"

namespace memtiers {

using DeviceUuid = std::array<uint8_t, 16>;

enum class SetEntryState : uint32_t { kNone = 0, kGood = 1, kLost = 2 };

struct SetEntry {
  DeviceUuid uuid;
  SetEntryState state;
  uint32_t reserved;
  uint64_t since;  // epoch
  std::array<char, 64> failure_domain;
  std::array<char, 160> path;  // where it was added
};
static_assert(sizeof(SetEntry) == 256);

struct SetTable {
  static constexpr size_t kEntries = 15;

  uint64_t epoch;  // 0: the device is not part of a set yet
  uint32_t sum;    // CRC-32C of the page with sum as zero
  uint32_t replicas;
  DeviceUuid set_uuid;
  uint64_t home_boot;  // of the host that writes, with software coherence
  std::array<uint64_t, 3> reserved;
  std::array<SetEntry, kEntries> entries;  // by ordinal
};
static_assert(sizeof(SetTable) <= kSetTableBytes && std::is_trivially_copyable_v<SetTable>);

// The device's table: the newer one of both that is whole. Nothing: there is none.
std::optional<SetTable> ReadSetTable(const PoolMemory& memory);
// Whether both are whole and equal, or there is none, and the epoch is theirs.
bool SetTableIsGood(const PoolMemory& memory);
// Copy, copy, epoch. REQUIRES: nobody else writes one on this device.
void WriteSetTable(const PoolMemory& memory, const SetTable& table);

inline AtomicWord SetEpoch(const PoolMemory& memory) {
  return AtomicWord(*reinterpret_cast<uint64_t*>(memory.base() + memory.layout().set_offset() +
                                                 2 * kSetTableBytes));
}

template <size_t N>
std::string LabelText(const std::array<char, N>& label) {
  size_t length = 0;
  while (length < N && label[length] != '\0') ++length;
  return std::string(label.data(), length);
}

}  // namespace memtiers
