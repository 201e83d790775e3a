#include "bind/pool_report.h"

#include <array>
#include <cstdio>
#include <span>
#include <string>

namespace memtiers {
namespace {

// Sets numbers and texts by name.
class Record {
 public:
  explicit Record(Napi::Env env) : object_(Napi::Object::New(env)) {}

  Record& Count(const char* name, uint64_t value) {
    object_.Set(name, Napi::Number::New(object_.Env(), static_cast<double>(value)));
    return *this;
  }
  Record& Flag(const char* name, bool value) {
    object_.Set(name, Napi::Boolean::New(object_.Env(), value));
    return *this;
  }
  Record& Text(const char* name, const std::string& value) {
    object_.Set(name, Napi::String::New(object_.Env(), value));
    return *this;
  }
  Record& Texts(const char* name, const std::vector<std::string>& values) {
    Napi::Array list = Napi::Array::New(object_.Env(), values.size());
    for (uint32_t i = 0; i < values.size(); ++i) list.Set(i, values[i]);
    return Value(name, list);
  }
  Record& Value(const char* name, Napi::Value value) {
    object_.Set(name, value);
    return *this;
  }
  Napi::Value Done() const { return object_; }

 private:
  Napi::Object object_;
};

std::string Hex(std::span<const uint8_t> bytes) {
  std::string text;
  for (const uint8_t byte : bytes) {
    std::array<char, 3> digits;
    std::snprintf(digits.data(), digits.size(), "%02x", byte);
    text += digits.data();
  }
  return text;
}

const char* DeviceStateName(DeviceState state) {
  switch (state) {
    case DeviceState::kGood:
      return "good";
    case DeviceState::kSuspect:
      return "suspect";
    case DeviceState::kLost:
      return "lost";
  }
  return "lost";
}

}  // namespace

Napi::Value ToName(Napi::Env env, uint64_t number) {
  std::array<char, 17> digits;
  std::snprintf(digits.data(), digits.size(), "%016llx", static_cast<unsigned long long>(number));
  return Napi::String::New(env, digits.data());
}

const char* ObjectKindName(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kValue:
      return "value";
    case ObjectKind::kRegion:
      return "region";
    case ObjectKind::kCounter:
      return "counter";
  }
  return "value";
}

Napi::Value ToValue(Napi::Env env, const SetCheck& check) {
  Napi::Array devices = Napi::Array::New(env, check.devices.size());
  for (uint32_t i = 0; i < check.devices.size(); ++i) {
    const auto& [ordinal, of_device] = check.devices[i];
    devices.Set(i, Record(env)
                       .Count("ordinal", ordinal)
                       .Count("objects", of_device.objects)
                       .Count("bytes", of_device.bytes)
                       .Count("members", of_device.members)
                       .Count("held", of_device.held)
                       .Count("freeExtents", of_device.free_extents)
                       .Count("ownedExtents", of_device.owned_extents)
                       .Count("orphanExtents", of_device.orphan_extents)
                       .Count("unlinking", of_device.unlinking)
                       .Count("unpublished", of_device.unpublished)
                       .Count("damages", of_device.damages)
                       .Done());
  }
  return Record(env)
      .Flag("clean", check.clean())
      .Count("objects", check.objects)
      .Count("missingCopies", check.missing_copies)
      .Count("unequalCopies", check.unequal_copies)
      .Count("damages", check.damages)
      .Texts("findings", check.findings)
      .Value("devices", devices)
      .Done();
}

Napi::Value ToValue(Napi::Env env, const SetScrub& scrub) {
  return Record(env)
      .Count("objects", scrub.objects)
      .Count("bytes", scrub.bytes)
      .Count("damaged", scrub.damaged)
      .Count("copied", scrub.copied)
      .Count("copiedBytes", scrub.copied_bytes)
      .Count("removed", scrub.removed)
      .Count("lost", scrub.lost)
      .Count("missingCopies", scrub.missing_copies)
      .Texts("lostKeys", scrub.lost_keys)
      .Done();
}

Napi::Value ToValue(Napi::Env env, const SetRepair& repair) {
  return Record(env)
      .Count("mended", repair.mended)
      .Count("lost", repair.lost)
      .Texts("keys", repair.keys)
      .Value("scrub", ToValue(env, repair.scrub))
      .Value("check", ToValue(env, repair.check))
      .Done();
}

Napi::Value ToValue(Napi::Env env, const std::vector<DeviceReport>& devices) {
  Napi::Array list = Napi::Array::New(env, devices.size());
  for (uint32_t i = 0; i < devices.size(); ++i) {
    const DeviceReport& device = devices[i];
    list.Set(i, Record(env)
                    .Count("ordinal", device.ordinal)
                    .Text("uuid", Hex(device.uuid))
                    .Text("path", device.path)
                    .Text("failureDomain", device.failure_domain)
                    .Text("state", DeviceStateName(device.state))
                    .Count("capacityBytes", device.capacity_bytes)
                    .Count("freeBytes", device.free_bytes)
                    .Count("damagedReads", device.damaged_reads)
                    .Text("why", device.why)
                    .Done());
  }
  return list;
}

Napi::Value ToValue(Napi::Env env, const std::vector<MemberReport>& members) {
  Napi::Array list = Napi::Array::New(env, members.size());
  for (uint32_t i = 0; i < members.size(); ++i) {
    const MemberReport& member = members[i];
    list.Set(i, Record(env)
                    .Value("id", ToName(env, member.id))
                    .Value("boot", ToName(env, member.boot))
                    .Count("process", member.process)
                    .Count("index", member.index)
                    .Count("generation", member.generation)
                    .Flag("self", member.self)
                    .Flag("sameHost", member.same_host)
                    .Flag("alive", member.alive)
                    .Flag("suspect", member.suspect)
                    .Count("held", member.held)
                    .Count("ownedBytes", member.extent_bytes)
                    .Done());
  }
  return list;
}

Napi::Value ToValue(Napi::Env env, const SetFigures& figures) {
  return Record(env)
      .Count("ownedBytes", figures.allocator.extents * figures.extent_bytes)
      .Count("waiting", figures.allocator.waiting)
      .Count("sweeps", figures.allocator.sweeps)
      .Count("adoptedExtents", figures.allocator.adopted)
      .Count("restored", figures.allocator.restored)
      .Count("held", figures.objects_held)
      .Count("failedOver", figures.failed_over)
      .Count("healed", figures.healed)
      .Count("underReplicated", figures.under_replicated)
      .Count("epoch", figures.epoch)
      .Done();
}

}  // namespace memtiers
