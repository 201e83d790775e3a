// Strict conversion of JavaScript values: anything of the wrong type or outside its range throws
// ERR_TIER_INVALID and names the argument. Nothing is coerced, so no user code runs in between.
#pragma once

#include <napi.h>

#include <cstdint>
#include <limits>
#include <string>

namespace memtiers {

// A whole number in [0, max].
uint64_t ToUnsigned(Napi::Value value, const char* name, uint64_t max);

inline uint32_t ToUint32(Napi::Value value, const char* name) {
  return static_cast<uint32_t>(ToUnsigned(value, name, std::numeric_limits<uint32_t>::max()));
}

// Sizes: up to 2^47, the user half of a 48-bit address space.
inline uint64_t ToBytes(Napi::Value value, const char* name) {
  return ToUnsigned(value, name, uint64_t{1} << 47);
}

// Without embedded zeroes: it will be a path or a name.
std::string ToText(Napi::Value value, const char* name);

Napi::Object ToObject(Napi::Value value, const char* name);

// Throws ERR_TIER_INVALID.
[[noreturn]] void ThrowInvalid(Napi::Env env, const char* name, const std::string& expected);

}  // namespace memtiers
