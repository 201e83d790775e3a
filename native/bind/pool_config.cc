#include "bind/pool_config.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <utility>

#include "bind/arguments.h"
#include "bind/errors.h"

namespace memtiers {
namespace {

constexpr uint64_t kMaxWaitMs = 24 * 3600 * 1000;
constexpr uint64_t kMaxVersion = (uint64_t{1} << 53) - 1;

template <typename T, size_t N>
T ReadWord(Napi::Value value, const char* name,
           const std::array<std::pair<const char*, T>, N>& words) {
  const std::string text = ToText(value, name);
  std::string known;
  for (const auto& [word, meaning] : words) {
    if (text == word) return meaning;
    known += known.empty() ? word : std::string(", ") + word;
  }
  ThrowInvalid(value.Env(), name, "one of " + known);
}

bool ReadBoolean(Napi::Value value, const char* name) {
  if (!value.IsBoolean()) ThrowInvalid(value.Env(), name, "a boolean");
  return value.As<Napi::Boolean>();
}

PoolSizes ReadSizes(const Napi::Object& config) {
  return {.capacity_bytes = ToBytes(config.Get("capacityBytes"), "capacityBytes"),
          .members = ToUint32(config.Get("members"), "members"),
          .holds = ToUint32(config.Get("holds"), "holds"),
          .shards = ToUint32(config.Get("shards"), "shards"),
          .shard_slots = ToUint32(config.Get("shardSlots"), "shardSlots")};
}

PoolSetFormat ReadFormat(const Napi::Object& config) {
  constexpr std::array kCoherences = {std::pair{"hardware", PoolCoherence::kHardware},
                                      std::pair{"software", PoolCoherence::kSoftware}};
  return {.name = ToText(config.Get("name"), "name"),
          .sizes = ReadSizes(config),
          .replicas = ToUint32(config.Get("replicas"), "replicas"),
          .coherence = ReadWord(config.Get("coherence"), "coherence", kCoherences),
          .overwrite = ReadBoolean(config.Get("overwrite"), "overwrite")};
}

PoolSetOptions ReadOptions(const Napi::Object& config) {
  constexpr std::array kVerify = {std::pair{"always", PoolVerify::kAlways},
                                  std::pair{"first", PoolVerify::kFirst},
                                  std::pair{"never", PoolVerify::kNever}};
  constexpr std::array kMissing = {
      std::pair{"refuse", MissingDevice::kRefuse},
      std::pair{"declare-lost-if-replicated", MissingDevice::kDeclareLostIfReplicated},
      std::pair{"declare-lost", MissingDevice::kDeclareLost}};
  constexpr std::array kTakeovers = {std::pair{"manual", PoolTakeover::kManual},
                                     std::pair{"lease", PoolTakeover::kLease}};
  PoolSetOptions options{
      .verify = ReadWord(config.Get("verify"), "verify", kVerify),
      .patience =
          std::chrono::milliseconds(ToUnsigned(config.Get("patienceMs"), "patienceMs", kMaxWaitMs)),
      .lease = {.length = std::chrono::milliseconds(
                    ToUnsigned(config.Get("leaseMs"), "leaseMs", kMaxWaitMs)),
                .takeover = ReadWord(config.Get("takeover"), "takeover", kTakeovers)},
      .read_only = ReadBoolean(config.Get("readOnly"), "readOnly"),
      .missing = ReadWord(config.Get("missingDevices"), "missingDevices", kMissing),
      .take_over = ReadBoolean(config.Get("claimWriter"), "claimWriter")};
  const Napi::Value quota = config.Get("quotaBytes");
  if (!quota.IsUndefined()) options.quota_bytes = ToBytes(quota, "quotaBytes");
  return options;
}

}  // namespace

PoolDevice ReadPoolDevice(Napi::Value value) {
  const Napi::Object device = ToObject(value, "device");
  return {.place = {.path = ToText(device.Get("path"), "path"),
                    .lock_path = ToText(device.Get("lockPath"), "lockPath")},
          .failure_domain = ToText(device.Get("failureDomain"), "failureDomain"),
          .capacity_bytes = ToBytes(device.Get("capacityBytes"), "capacityBytes")};
}

std::vector<PoolDevice> ReadPoolDevices(Napi::Value value) {
  if (!value.IsArray()) ThrowInvalid(value.Env(), "devices", "an array");
  const auto list = value.As<Napi::Array>();
  const uint32_t count = list.Length();
  if (count == 0 || count > kMaxSetDevices) {
    ThrowInvalid(value.Env(), "devices", "from 1 to " + std::to_string(kMaxSetDevices));
  }
  std::vector<PoolDevice> devices;
  for (uint32_t i = 0; i < count; ++i) devices.push_back(ReadPoolDevice(list.Get(i)));
  return devices;
}

PoolConfig ReadPoolConfig(const Napi::Object& config) {
  constexpr std::array kOpenings = {std::pair{"open", PoolOpening::kOpen},
                                    std::pair{"create", PoolOpening::kCreate},
                                    std::pair{"open-or-create", PoolOpening::kOpenOrCreate}};
  return {
      .opening = ReadWord(config.Get("opening"), "opening", kOpenings),
      .places = {.devices = ReadPoolDevices(config.Get("devices")), .options = ReadOptions(config)},
      .format = ReadFormat(config)};
}

std::string ReadPoolKey(Napi::Value value) {
  // What is cut off is so at a whole character, so a longer key leaves more than the limit.
  std::array<char, kMaxKeyBytes + 8> text;
  size_t bytes = 0;
  if (napi_get_value_string_utf8(value.Env(), value, text.data(), text.size(), &bytes) != napi_ok ||
      bytes == 0 || bytes > kMaxKeyBytes) {
    ThrowInvalid(value.Env(), "key", "a string of 1 to " + std::to_string(kMaxKeyBytes) + " bytes");
  }
  return {text.data(), bytes};
}

std::optional<uint64_t> ReadExpectedVersion(Napi::Value value) {
  if (value.IsUndefined()) return std::nullopt;
  return ToUnsigned(value, "version", kMaxVersion);
}

}  // namespace memtiers
