#include "bind/machine.h"

#include <optional>
#include <string>
#include <vector>

#include "topology/scan.h"

namespace memtiers {

namespace {

// Sizes stay exact up to 2^53 bytes, 8 PiB.
Napi::Number ToNumber(Napi::Env env, uint64_t value) {
  return Napi::Number::New(env, static_cast<double>(value));
}

Napi::Value ToNullable(Napi::Env env, std::optional<double> value) {
  return value ? Napi::Number::New(env, *value) : env.Null();
}

template <typename T, typename Convert>
Napi::Array ToArray(Napi::Env env, const std::vector<T>& values, Convert convert) {
  Napi::Array array = Napi::Array::New(env, values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    array.Set(static_cast<uint32_t>(i), convert(env, values[i]));
  }
  return array;
}

Napi::Array ToArray(Napi::Env env, const std::vector<int>& values) {
  return ToArray(env, values, [](Napi::Env e, int value) { return Napi::Number::New(e, value); });
}

Napi::Object ToObject(Napi::Env env, const NodeAttributes& attributes) {
  Napi::Object object = Napi::Object::New(env);
  object["accessClass"] = Napi::Number::New(env, attributes.access_class);
  object["initiators"] = ToArray(env, attributes.initiators);
  object["readLatencyNs"] = ToNullable(env, attributes.read_latency_ns);
  object["writeLatencyNs"] = ToNullable(env, attributes.write_latency_ns);
  object["readBytesPerSecond"] = ToNullable(env, attributes.read_bytes_per_second);
  object["writeBytesPerSecond"] = ToNullable(env, attributes.write_bytes_per_second);
  return object;
}

Napi::Object ToObject(Napi::Env env, const Node& node) {
  Napi::Object object = Napi::Object::New(env);
  object["id"] = Napi::Number::New(env, node.id);
  object["cpus"] = ToArray(env, node.cpus);
  object["memoryBytes"] = ToNumber(env, node.memory_bytes);
  object["freeBytes"] = ToNumber(env, node.free_bytes);
  object["distances"] = ToArray(env, node.distances);
  object["attributes"] = ToArray(
      env, node.attributes, [](Napi::Env e, const NodeAttributes& a) { return ToObject(e, a); });
  return object;
}

const char* NameOf(DaxMode mode) {
  switch (mode) {
    case DaxMode::kDevdax:
      return "devdax";
    case DaxMode::kSystemRam:
      return "system-ram";
    case DaxMode::kUnbound:
      return "unbound";
  }
  return "unbound";
}

const char* NameOf(DaxOrigin origin) {
  switch (origin) {
    case DaxOrigin::kPmem:
      return "pmem";
    case DaxOrigin::kCxl:
      return "cxl";
    case DaxOrigin::kHmem:
      return "hmem";
    case DaxOrigin::kUnknown:
      return "unknown";
  }
  return "unknown";
}

const char* NameOf(BlockOrigin origin) {
  switch (origin) {
    case BlockOrigin::kNvme:
      return "nvme";
    case BlockOrigin::kPmem:
      return "pmem";
    case BlockOrigin::kVirtio:
      return "virtio";
    case BlockOrigin::kScsi:
      return "scsi";
    case BlockOrigin::kLoop:
      return "loop";
    case BlockOrigin::kOther:
      return "other";
  }
  return "other";
}

Napi::Object ToObject(Napi::Env env, const DaxDevice& device) {
  Napi::Object object = Napi::Object::New(env);
  object["name"] = device.name;
  object["path"] = device.path.empty() ? env.Null() : Napi::String::New(env, device.path);
  object["sizeBytes"] = ToNumber(env, device.size_bytes);
  object["alignBytes"] = ToNumber(env, device.align_bytes);
  object["targetNode"] = Napi::Number::New(env, device.target_node);
  object["mode"] = NameOf(device.mode);
  object["origin"] = NameOf(device.origin);
  return object;
}

Napi::Object ToObject(Napi::Env env, const Mount& mount) {
  Napi::Object object = Napi::Object::New(env);
  object["path"] = mount.path;
  object["device"] = mount.device;
  object["fsType"] = mount.fs_type;
  object["options"] = mount.options;
  object["readOnly"] = mount.read_only;
  object["dax"] = mount.dax;
  object["freeBytes"] = ToNumber(env, mount.free_bytes);
  return object;
}

Napi::Object ToObject(Napi::Env env, const BlockDevice& device) {
  Napi::Object object = Napi::Object::New(env);
  object["name"] = device.name;
  object["sizeBytes"] = ToNumber(env, device.size_bytes);
  object["rotational"] = device.rotational;
  object["origin"] = NameOf(device.origin);
  object["node"] = Napi::Number::New(env, device.node);
  object["mounts"] =
      ToArray(env, device.mounts, [](Napi::Env e, const Mount& m) { return ToObject(e, m); });
  return object;
}

Napi::Object ToObject(Napi::Env env, const Permissions& permissions) {
  Napi::Object object = Napi::Object::New(env);
  object["mbind"] = Napi::Number::New(env, permissions.mbind);
  object["movePages"] = Napi::Number::New(env, permissions.move_pages);
  object["setMempolicy"] = Napi::Number::New(env, permissions.set_mempolicy);
  object["getMempolicy"] = Napi::Number::New(env, permissions.get_mempolicy);
  return object;
}

Napi::Object ToObject(Napi::Env env, const UserfaultfdProbe& probe) {
  const char* const door = probe.door == UserfaultfdDoor::kSyscall ? "syscall" : "device";
  Napi::Object object = Napi::Object::New(env);
  object["via"] = probe.error == 0 ? Napi::String::New(env, door) : env.Null();
  object["errno"] = Napi::Number::New(env, probe.error);
  object["recordsWrites"] = probe.records_writes;
  return object;
}

Napi::Object ToObject(Napi::Env env, const KernelFacts& kernel) {
  Napi::Object object = Napi::Object::New(env);
  object["release"] = kernel.release;
  object["numaBalancing"] = ToNullable(env, kernel.numa_balancing);
  object["transparentHugePages"] = kernel.transparent_huge_pages.empty()
                                       ? env.Null()
                                       : Napi::String::New(env, kernel.transparent_huge_pages);
  object["pageBytes"] = ToNumber(env, kernel.page_bytes);
  return object;
}

}  // namespace

Napi::Value DescribeMachine(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsString()) throw Napi::TypeError::New(env, "root must be a string");
  const Machine machine = ScanMachine(info[0].As<Napi::String>().Utf8Value());
  const auto& limit = machine.memory_limit;
  Napi::Object object = Napi::Object::New(env);
  object["nodes"] =
      ToArray(env, machine.nodes, [](Napi::Env e, const Node& node) { return ToObject(e, node); });
  object["dax"] =
      ToArray(env, machine.dax, [](Napi::Env e, const DaxDevice& d) { return ToObject(e, d); });
  object["blocks"] = ToArray(env, machine.blocks,
                             [](Napi::Env e, const BlockDevice& b) { return ToObject(e, b); });
  object["allowedNodes"] = ToArray(env, machine.allowed_nodes);
  object["allowedCpus"] = ToArray(env, machine.allowed_cpus);
  object["memoryLimitBytes"] = limit ? ToNumber(env, limit->limit_bytes) : env.Null();
  object["memoryUsedBytes"] = limit ? ToNumber(env, limit->used_bytes) : env.Null();
  object["permissions"] = ToObject(env, machine.permissions);
  object["userfaultfd"] = ToObject(env, machine.userfaultfd);
  object["kernel"] = ToObject(env, machine.kernel);
  object["lastLevelCacheBytes"] =
      machine.last_level_cache_bytes ? ToNumber(env, *machine.last_level_cache_bytes) : env.Null();
  object["unreadable"] = ToArray(env, machine.unreadable, [](Napi::Env e, const std::string& what) {
    return Napi::String::New(e, what);
  });
  return object;
}

}  // namespace memtiers
