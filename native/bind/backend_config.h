// Reads a BackendConfig object and opens the backend it describes.
#pragma once

#include <napi.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "memory/backend.h"

namespace memtiers {

struct BackendConfig {
  uint64_t capacity_bytes = 0;
  std::function<Result<std::unique_ptr<Backend>>()> open;
};

// Throws ERR_TIER_INVALID when a field is missing or out of range. Runs the object's getters, if
// any, and nothing afterwards: the caller checks its own state when this has returned.
BackendConfig ReadBackendConfig(const Napi::Object& config);

}  // namespace memtiers
