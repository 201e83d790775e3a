// What the addon offers about pools (PoolBinding in lib/pool/pool-binding.ts), and the JavaScript
// object of one. The environment's thread.
#pragma once

#include <napi.h>

#include <memory>

#include "bind/pool_member.h"

namespace memtiers {

// What reading a small value leaves in the scratch buffer: version, bytes and type as doubles, then
// the bytes themselves.
inline constexpr size_t kPoolScratchHeadBytes = 64;
inline constexpr size_t kMinPoolScratchBytes = 4096;

// REQUIRES: the scratch buffer has kMinPoolScratchBytes, and nobody detaches it.
Napi::Value MakePoolObject(Napi::Env env, std::shared_ptr<PoolMember> member,
                           Napi::Reference<Napi::ArrayBuffer> scratch);

// openPool, destroyPool.
void ExportPool(Napi::Env env, Napi::Object exports);

}  // namespace memtiers
