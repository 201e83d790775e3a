// Values for crash scenarios: few bytes are written, because every one of them is a state of its
// own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "pool/pool.h"

namespace memtiers {

// Values from 100 on take several extents.
inline constexpr uint64_t kLargeValue = 100;

// Ends the process when it fails: the one who steps it sees that.
void PutCrashValue(Pool& pool, const std::string& key, uint64_t value);
bool IsCrashValue(std::span<const std::byte> payload, uint64_t value);

// Runs something as a member that dies at its end, and is not recovered.
void AsMemberWhoDies(const std::shared_ptr<const PoolFile>& file, void (*act)(Pool& pool));

}  // namespace memtiers
