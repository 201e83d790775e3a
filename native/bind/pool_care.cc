// What a pool is, and keeping it so.
#include <string>
#include <utility>

#include "bind/arguments.h"
#include "bind/pool_config.h"
#include "bind/pool_object.h"
#include "bind/pool_report.h"
#include "bind/pool_tasks.h"

namespace memtiers {

Napi::Value PoolObject::Devices(const Napi::CallbackInfo& info) {
  return ToValue(info.Env(), member_->Use([](PoolSet& set) { return set.Devices(); }));
}

Napi::Value PoolObject::Members(const Napi::CallbackInfo& info) {
  return ToValue(info.Env(), member_->Use([](PoolSet& set) { return set.Members(); }));
}

Napi::Value PoolObject::Figures(const Napi::CallbackInfo& info) {
  const Napi::Value value =
      ToValue(info.Env(), member_->Use([](PoolSet& set) { return set.figures(); }));
  value.As<Napi::Object>().Set("leases", leases_->count());
  return value;
}

Napi::Value PoolObject::Describe(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  struct Facts {
    std::string name;
    PoolSizes sizes;
    uint32_t replicas = 0;
    bool software = false;
    bool read_only = false;
    uint64_t max_payload = 0;
  };
  const Facts facts = member_->Use([](PoolSet& set) {
    return Facts{.name = set.name(),
                 .sizes = set.sizes(),
                 .replicas = set.replicas(),
                 .software = set.coherence() == PoolCoherence::kSoftware,
                 .read_only = set.read_only(),
                 .max_payload = set.MaxPayloadBytes()};
  });
  Napi::Object value = Napi::Object::New(env);
  value.Set("name", facts.name);
  value.Set("replicas", facts.replicas);
  value.Set("coherence", facts.software ? "software" : "hardware");
  value.Set("readOnly", facts.read_only);
  value.Set("maxMembers", facts.sizes.members);
  value.Set("maxHeld", facts.sizes.holds);
  value.Set("directorySlots",
            static_cast<double>(uint64_t{facts.sizes.shards} * facts.sizes.shard_slots));
  value.Set("extentBytes", static_cast<double>(facts.sizes.extent_bytes));
  value.Set("maxValueBytes",
            static_cast<double>(facts.max_payload == 0 ? 0 : facts.max_payload - 1));
  return value;
}

Napi::Value PoolObject::Maintain(const Napi::CallbackInfo& info) {
  return Task::Start(info.Env(), MakePoolMaintain(member_));
}

Napi::Value PoolObject::Check(const Napi::CallbackInfo& info) {
  return Task::Start(info.Env(), MakePoolCheck(member_));
}

Napi::Value PoolObject::Scrub(const Napi::CallbackInfo& info) {
  return Task::Start(info.Env(), MakePoolScrub(member_));
}

Napi::Value PoolObject::Repair(const Napi::CallbackInfo& info) {
  return Task::Start(info.Env(), MakePoolRepair(member_, repairing_));
}

Napi::Value PoolObject::Reclaim(const Napi::CallbackInfo& info) {
  const std::string expected = "16 hexadecimal digits";
  const std::string boot = ToText(info[0], "boot");
  if (boot.size() != 16 || boot.find_first_not_of("0123456789abcdef") != std::string::npos) {
    ThrowInvalid(info.Env(), "boot", expected);
  }
  return Task::Start(info.Env(), MakePoolReclaim(member_, std::stoull(boot, nullptr, 16)));
}

Napi::Value PoolObject::AddDevice(const Napi::CallbackInfo& info) {
  PoolDevice device = ReadPoolDevice(info[0]);
  if (!info[1].IsBoolean()) ThrowInvalid(info.Env(), "overwrite", "a boolean");
  const bool overwrite = info[1].As<Napi::Boolean>();
  return Task::Start(info.Env(), MakePoolAddDevice(member_, std::move(device), overwrite));
}

Napi::Value PoolObject::DeclareLost(const Napi::CallbackInfo& info) {
  return Task::Start(info.Env(), MakePoolDeclareLost(member_, ToUint32(info[0], "ordinal")));
}

}  // namespace memtiers
