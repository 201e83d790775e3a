// What JavaScript says about a pool to open, as the core wants it: the PoolConfig of
// lib/pool/pool-binding.ts.
//
// The environment's thread.
#pragma once

#include <napi.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bind/pool_member.h"

namespace memtiers {

enum class PoolOpening { kOpen, kCreate, kOpenOrCreate };

struct PoolConfig {
  PoolOpening opening = PoolOpening::kOpen;
  PoolPlaces places;
  PoolSetFormat format;
};

// All throw ERR_TIER_INVALID for what is no such thing.
PoolConfig ReadPoolConfig(const Napi::Object& config);
PoolDevice ReadPoolDevice(Napi::Value value);
std::vector<PoolDevice> ReadPoolDevices(Napi::Value value);

// A key of 1 to kMaxKeyBytes bytes of UTF-8. Nothing but that is looked at: a lone surrogate is
// whatever the engine makes of it.
std::string ReadPoolKey(Napi::Value value);
// A version of a key, 0: none. Undefined: none is expected.
std::optional<uint64_t> ReadExpectedVersion(Napi::Value value);

}  // namespace memtiers
