#include "bind/pool.h"

#include <string>
#include <utility>

#include "bind/arguments.h"
#include "bind/pool_config.h"
#include "bind/pool_object.h"
#include "bind/pool_tasks.h"

namespace memtiers {
namespace {

void DeletePoolObject(napi_env /*env*/, void* data, void* /*hint*/) {
  delete static_cast<PoolObject*>(data);
}

template <PoolObject::Method method>
Napi::Value Call(const Napi::CallbackInfo& info) {
  return PoolObject::Invoke(info, method);
}

template <PoolObject::Method method>
Napi::Value CallAlways(const Napi::CallbackInfo& info) {
  return PoolObject::InvokeAlways(info, method);
}

// One JavaScript function for one method.
template <PoolObject::Method method>
void Define(Napi::Object object, const char* name) {
  object.Set(name, Napi::Function::New<Call<method>>(object.Env(), name));
}

template <PoolObject::Method method>
void DefineAlways(Napi::Object object, const char* name) {
  object.Set(name, Napi::Function::New<CallAlways<method>>(object.Env(), name));
}

Napi::Value OpenPool(const Napi::CallbackInfo& info) {
  PoolConfig config = ReadPoolConfig(ToObject(info[0], "config"));
  const bool scratch = info[1].IsArrayBuffer() &&
                       info[1].As<Napi::ArrayBuffer>().ByteLength() >= kMinPoolScratchBytes;
  if (!scratch) {
    ThrowInvalid(info.Env(), "scratch",
                 "an ArrayBuffer of " + std::to_string(kMinPoolScratchBytes) + " bytes or more");
  }
  return Task::Start(info.Env(), MakePoolOpen(std::move(config),
                                              Napi::Persistent(info[1].As<Napi::ArrayBuffer>())));
}

Napi::Value DestroyPool(const Napi::CallbackInfo& info) {
  return Task::Start(info.Env(), MakePoolDestroy(ReadPoolDevices(info[0])));
}

}  // namespace

Napi::Value MakePoolObject(Napi::Env env, std::shared_ptr<PoolMember> member,
                           Napi::Reference<Napi::ArrayBuffer> scratch) {
  if (scratch.Value().ByteLength() < kMinPoolScratchBytes) {
    ThrowInvalid(env, "scratch", "an ArrayBuffer that stays attached");
  }
  Napi::Object object = Napi::Object::New(env);
  auto wrapped = std::make_unique<PoolObject>(env, std::move(member), std::move(scratch));
  if (napi_wrap(env, object, wrapped.get(), DeletePoolObject, nullptr, nullptr) != napi_ok) {
    throw Napi::Error::New(env);
  }
  (void)wrapped.release();  // the object's finalizer deletes it
  Define<&PoolObject::Put>(object, "put");
  Define<&PoolObject::PutLarge>(object, "putLarge");
  Define<&PoolObject::Read>(object, "read");
  Define<&PoolObject::Fetch>(object, "fetch");
  Define<&PoolObject::Borrow>(object, "borrow");
  Define<&PoolObject::MakeRegion>(object, "makeRegion");
  Define<&PoolObject::Delete>(object, "delete");
  Define<&PoolObject::Add>(object, "add");
  Define<&PoolObject::VersionOf>(object, "versionOf");
  Define<&PoolObject::List>(object, "list");
  Define<&PoolObject::Devices>(object, "devices");
  Define<&PoolObject::Members>(object, "members");
  Define<&PoolObject::Figures>(object, "figures");
  Define<&PoolObject::Describe>(object, "describe");
  Define<&PoolObject::Maintain>(object, "maintain");
  Define<&PoolObject::Check>(object, "check");
  Define<&PoolObject::Scrub>(object, "scrub");
  Define<&PoolObject::Repair>(object, "repair");
  Define<&PoolObject::Reclaim>(object, "reclaim");
  Define<&PoolObject::AddDevice>(object, "addDevice");
  Define<&PoolObject::DeclareLost>(object, "declareLost");
  Define<&PoolObject::Watch>(object, "watch");
  Define<&PoolObject::FollowDevices>(object, "followDevices");
  DefineAlways<&PoolObject::Unwatch>(object, "unwatch");
  DefineAlways<&PoolObject::Release>(object, "release");
  DefineAlways<&PoolObject::Close>(object, "close");
  return object;
}

void ExportPool(Napi::Env env, Napi::Object exports) {
  exports.Set("openPool", Napi::Function::New<OpenPool>(env, "openPool"));
  exports.Set("destroyPool", Napi::Function::New<DestroyPool>(env, "destroyPool"));
}

}  // namespace memtiers
