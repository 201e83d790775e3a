#include "bind/pool_object.h"

#include <new>
#include <unordered_set>
#include <utility>

#include "bind/arguments.h"
#include "bind/errors.h"
#include "bind/pool.h"
#include "bind/pool_config.h"

namespace memtiers {
namespace {

// The pools of a thread, so that a method called on somebody else's object is an error and not a
// wild pointer. A type tag says the same, and takes as long as the rest of a call.
std::unordered_set<const void*>& PoolsHere() {
  thread_local std::unordered_set<const void*> pools;
  return pools;
}

constexpr uint64_t kMaxWatch = uint64_t{1} << 53;

}  // namespace

PoolObject::PoolObject(Napi::Env env, std::shared_ptr<PoolMember> member,
                       Napi::Reference<Napi::ArrayBuffer> scratch)
    : env_(env),
      member_(std::move(member)),
      leases_(std::make_shared<PoolLeases>(member_)),
      scratch_(std::move(scratch)),
      scratch_data_(static_cast<std::byte*>(scratch_.Value().Data())),
      scratch_bytes_(scratch_.Value().ByteLength() - kPoolScratchHeadBytes) {
  napi_add_env_cleanup_hook(env_, AtExit, this);
  PoolsHere().insert(this);
}

PoolObject::~PoolObject() {
  PoolsHere().erase(this);
  napi_remove_env_cleanup_hook(env_, AtExit, this);
  leases_->LetGo();
}

Napi::Value PoolObject::Invoke(const Napi::CallbackInfo& info, Method method) {
  PoolObject& object = From(info);
  if (object.member_ == nullptr) {
    ThrowIfFailed(info.Env(), {Code::kClosed, "the pool is closed"});
  }
  // Nobody waits for a repair: it can take as long as reading the whole pool.
  if (*object.repairing_) {
    ThrowIfFailed(info.Env(), {Code::kBusy, "the pool is being repaired"});
  }
  try {
    return (object.*method)(info);
  } catch (const std::bad_alloc&) {
    throw ToError(info.Env(), PoolOutOfMemory());
  }
}

Napi::Value PoolObject::InvokeAlways(const Napi::CallbackInfo& info, Method method) {
  return (From(info).*method)(info);
}

Napi::Value PoolObject::Watch(const Napi::CallbackInfo& info) {
  const std::string key = ReadPoolKey(info[0]);
  if (!info[1].IsFunction()) ThrowInvalid(info.Env(), "changed", "a function");
  if (watches_ == nullptr) {
    watches_ =
        ValueOrThrow(info.Env(), PoolWatches::Make(info.Env(), info[1].As<Napi::Function>()));
  }
  UseDevicesOfNow();
  return Napi::Number::New(info.Env(), static_cast<double>(watches_->Watch(key)));
}

Napi::Value PoolObject::Unwatch(const Napi::CallbackInfo& info) {
  if (watches_ != nullptr) watches_->Unwatch(ToUnsigned(info[0], "watch", kMaxWatch));
  return info.Env().Undefined();
}

Napi::Value PoolObject::FollowDevices(const Napi::CallbackInfo& info) {
  if (watches_ != nullptr) UseDevicesOfNow();
  return info.Env().Undefined();
}

Napi::Value PoolObject::Close(const Napi::CallbackInfo& info) {
  watches_.reset();
  leases_->Close();
  member_.reset();
  return info.Env().Undefined();
}

PoolObject& PoolObject::From(const Napi::CallbackInfo& info) {
  void* object = nullptr;
  const bool ours =
      napi_unwrap(info.Env(), info.This(), &object) == napi_ok && PoolsHere().contains(object);
  if (!ours) ThrowInvalid(info.Env(), "this", "a pool");
  return *static_cast<PoolObject*>(object);
}

void PoolObject::AtExit(void* data) {
  auto* const object = static_cast<PoolObject*>(data);
  object->watches_.reset();
  object->leases_->CloseAtExit();
  object->member_.reset();
}

void PoolObject::UseDevicesOfNow() {
  watches_->SetFiles(member_->Use([](PoolSet& set) { return set.Files(); }));
}

}  // namespace memtiers
