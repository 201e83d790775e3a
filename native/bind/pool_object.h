// A pool as JavaScript has it: a member, what it has lent and watches, and the methods of
// NativePool (lib/pool/pool-binding.ts). Each converts arguments, calls the core and converts what
// it gave; all throw ERR_TIER_INVALID for arguments that make no sense.
//
// The environment's thread; pool_member.h says what tasks do meanwhile. The JavaScript object owns
// it and may outlive its pool.
#pragma once

#include <napi.h>

#include <cstddef>
#include <memory>

#include "bind/pool_leases.h"
#include "bind/pool_member.h"
#include "bind/pool_watches.h"

namespace memtiers {

class PoolObject {
 public:
  // REQUIRES: see MakePoolObject.
  PoolObject(Napi::Env env, std::shared_ptr<PoolMember> member,
             Napi::Reference<Napi::ArrayBuffer> scratch);
  PoolObject(const PoolObject&) = delete;
  PoolObject& operator=(const PoolObject&) = delete;
  ~PoolObject();

  using Method = Napi::Value (PoolObject::*)(const Napi::CallbackInfo&);

  // Calls a method of the pool that `this` is, which must be neither closed nor in repair.
  static Napi::Value Invoke(const Napi::CallbackInfo& info, Method method);
  // The same for what ends something: also when the pool is closed or in repair.
  static Napi::Value InvokeAlways(const Napi::CallbackInfo& info, Method method);

  // pool_values.cc: what keys have.
  Napi::Value Put(const Napi::CallbackInfo& info);
  Napi::Value PutLarge(const Napi::CallbackInfo& info);
  Napi::Value Read(const Napi::CallbackInfo& info);
  Napi::Value Fetch(const Napi::CallbackInfo& info);
  Napi::Value Borrow(const Napi::CallbackInfo& info);
  Napi::Value Release(const Napi::CallbackInfo& info);
  Napi::Value MakeRegion(const Napi::CallbackInfo& info);
  Napi::Value Delete(const Napi::CallbackInfo& info);
  Napi::Value Add(const Napi::CallbackInfo& info);
  Napi::Value VersionOf(const Napi::CallbackInfo& info);
  Napi::Value List(const Napi::CallbackInfo& info);

  // pool_care.cc: what the pool is, and keeping it so.
  Napi::Value Devices(const Napi::CallbackInfo& info);
  Napi::Value Members(const Napi::CallbackInfo& info);
  Napi::Value Figures(const Napi::CallbackInfo& info);
  Napi::Value Describe(const Napi::CallbackInfo& info);
  Napi::Value Maintain(const Napi::CallbackInfo& info);
  Napi::Value Check(const Napi::CallbackInfo& info);
  Napi::Value Scrub(const Napi::CallbackInfo& info);
  Napi::Value Repair(const Napi::CallbackInfo& info);
  Napi::Value Reclaim(const Napi::CallbackInfo& info);
  Napi::Value AddDevice(const Napi::CallbackInfo& info);
  Napi::Value DeclareLost(const Napi::CallbackInfo& info);

  // When keys change.
  Napi::Value Watch(const Napi::CallbackInfo& info);
  Napi::Value Unwatch(const Napi::CallbackInfo& info);
  Napi::Value FollowDevices(const Napi::CallbackInfo& info);

  // Detaches what was lent. Tasks under way go on, and the last of them leaves the pool.
  Napi::Value Close(const Napi::CallbackInfo& info);

 private:
  static PoolObject& From(const Napi::CallbackInfo& info);
  // No JavaScript runs any more, and tasks have ended or keep the member until they do.
  static void AtExit(void* data);

  void UseDevicesOfNow();

  napi_env env_;
  std::shared_ptr<PoolMember> member_;  // nullptr: closed
  std::shared_ptr<PoolLeases> leases_;
  std::unique_ptr<PoolWatches> watches_;  // once something was watched
  std::shared_ptr<bool> repairing_ = std::make_shared<bool>(false);
  Napi::Reference<Napi::ArrayBuffer> scratch_;
  std::byte* scratch_data_;
  size_t scratch_bytes_;
};

}  // namespace memtiers
