// Reading a device without a place on it: by copying, comparing sums and looking again.
//
// Nothing is stored on the device, so nobody waits for the reader and nobody keeps for him what he
// reads: what is taken away while he copies shows in the sum, or in the word that named it, and he
// begins anew. Any thread. A read costs a copy more than a member's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "pool/pool.h"
#include "pool/pool_memory.h"

namespace memtiers {

struct Copied {
  std::shared_ptr<std::vector<std::byte>> bytes;
  uint64_t version = 0;
  ObjectKind kind = ObjectKind::kValue;
};

// Nothing: the key has no value there. kLost: it has one, which is damaged. kBusy: it changes
// faster than it can be read.
Result<std::optional<Copied>> CopyFrom(const PoolMemory& memory, std::string_view key);

// As Pool::Next.
std::optional<Listed> ListFrom(const PoolMemory& memory, uint64_t& position);

}  // namespace memtiers
