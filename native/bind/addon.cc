// The addon's entry point: the NativeBinding of lib/native.ts. No state outside the environment's.

#include <napi.h>

#include <limits>

#include "bind/arguments.h"
#include "bind/attached_run.h"
#include "bind/errors.h"
#include "bind/heap.h"
#include "bind/hotness.h"
#include "bind/machine.h"
#include "bind/numa.h"
#include "bind/pool.h"
#include "memory/memkind_plugin.h"

namespace memtiers {
namespace {

Napi::Value AdjustExternalMemory(const Napi::CallbackInfo& info) {
  constexpr double kLimit = 9007199254740991;  // 2^53 - 1
  const double change = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue()
                                           : std::numeric_limits<double>::quiet_NaN();
  if (!(change >= -kLimit && change <= kLimit)) {
    ThrowInvalid(info.Env(), "changeInBytes", "a safe integer");
  }
  const int64_t total =
      Napi::MemoryManagement::AdjustExternalMemory(info.Env(), static_cast<int64_t>(change));
  return Napi::Number::New(info.Env(), static_cast<double>(total));
}

Napi::Value SetErrorFactory(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) ThrowInvalid(info.Env(), "make", "a function");
  info.Env().GetInstanceData<AddonData>()->error_factory =
      Napi::Persistent(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

Napi::Value MemkindStatus(const Napi::CallbackInfo& info) {
  const Result<const MemtiersMemkindApi*> plugin = LoadMemkindPlugin(MemkindPluginPath());
  Napi::Object value = Napi::Object::New(info.Env());
  value.Set("available", plugin.ok());
  value.Set("detail", plugin.ok() ? MemkindVersion(*plugin.value()) : plugin.status().what());
  return value;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new AddonData());
  exports.Set("describeMachine", Napi::Function::New<DescribeMachine>(env, "describeMachine"));
  exports.Set("openHeap", Napi::Function::New<OpenHeap>(env, "openHeap"));
  exports.Set("attachRun", Napi::Function::New<AttachRun>(env, "attachRun"));
  exports.Set("adjustExternalMemory",
              Napi::Function::New<AdjustExternalMemory>(env, "adjustExternalMemory"));
  exports.Set("setErrorFactory", Napi::Function::New<SetErrorFactory>(env, "setErrorFactory"));
  exports.Set("probeHotnessSources",
              Napi::Function::New<DescribeHotnessSources>(env, "probeHotnessSources"));
  ExportNuma(env, exports);
  ExportPool(env, exports);
  exports.Set("memkindStatus", Napi::Function::New<MemkindStatus>(env, "memkindStatus"));
  return exports;
}

}  // namespace

// NODE_API_MODULE makes the module register itself in every environment that loads it.
NODE_API_MODULE(memory_tiers, Init)

}  // namespace memtiers
