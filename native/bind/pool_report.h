// What the core reports about a pool, as the objects of lib/pool/pool-binding.ts. The environment's
// thread.
#pragma once

#include <napi.h>

#include "pool/pool_set.h"

namespace memtiers {

Napi::Value ToValue(Napi::Env env, const SetCheck& check);
Napi::Value ToValue(Napi::Env env, const SetScrub& scrub);
Napi::Value ToValue(Napi::Env env, const SetRepair& repair);
Napi::Value ToValue(Napi::Env env, const std::vector<DeviceReport>& devices);
Napi::Value ToValue(Napi::Env env, const std::vector<MemberReport>& members);
Napi::Value ToValue(Napi::Env env, const SetFigures& figures);

// A 64-bit number that is a name and not a count: 16 hexadecimal digits.
Napi::Value ToName(Napi::Env env, uint64_t number);
const char* ObjectKindName(ObjectKind kind);

}  // namespace memtiers
