#include "bind/backend_config.h"

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "bind/arguments.h"
#include "memory/dax_backend.h"
#include "memory/file_backend.h"
#include "memory/memkind_backend.h"
#include "memory/memkind_plugin.h"
#include "memory/numa_backend.h"
#include "memory/persistent_backend.h"
#include "memory/simulated_backend.h"
#include "pool/pool_backend.h"

namespace memtiers {
namespace {

// The kernel's MAX_NUMNODES is at most 1024 on the platforms supported.
constexpr uint64_t kMaxNode = 1023;

int ReadNode(const Napi::Object& config) {
  return static_cast<int>(ToUnsigned(config.Get("node"), "node", kMaxNode));
}

MemtiersMemkindKind ReadMemkindKind(const Napi::Object& config) {
  constexpr std::array kKinds = {
      std::pair{"HBW", MEMTIERS_MEMKIND_HBW},
      std::pair{"DAX_KMEM", MEMTIERS_MEMKIND_DAX_KMEM},
      std::pair{"HIGHEST_CAPACITY", MEMTIERS_MEMKIND_HIGHEST_CAPACITY},
      std::pair{"PMEM", MEMTIERS_MEMKIND_PMEM},
  };
  const std::string text = ToText(config.Get("memkind"), "memkind");
  for (const auto& [name, kind] : kKinds) {
    if (text == name) return kind;
  }
  ThrowInvalid(config.Env(), "memkind", "HBW, DAX_KMEM, HIGHEST_CAPACITY or PMEM");
}

}  // namespace

BackendConfig ReadBackendConfig(const Napi::Object& config) {
  const std::string kind = ToText(config.Get("kind"), "kind");
  const uint64_t capacity_bytes = ToBytes(config.Get("capacityBytes"), "capacityBytes");
  if (kind == "numa") {
    return {capacity_bytes, [node = ReadNode(config)] { return NumaBackend::Open(node); }};
  }
  if (kind == "simulated") {
    std::optional<int> node;
    if (!config.Get("node").IsUndefined()) node = ReadNode(config);
    return {capacity_bytes, [node] { return SimulatedBackend::Open(node); }};
  }
  if (kind == "file") {
    const Napi::Value dax = config.Get("dax");
    if (!dax.IsUndefined() && !dax.IsBoolean()) ThrowInvalid(config.Env(), "dax", "a boolean");
    const FileBackendParams params = {.directory = ToText(config.Get("directory"), "directory"),
                                      .capacity_bytes = capacity_bytes,
                                      .dax = dax.IsBoolean() && dax.As<Napi::Boolean>()};
    return {capacity_bytes, [params] { return FileBackend::Open(params); }};
  }
  if (kind == "dax") {
    const DaxBackendParams params = {.path = ToText(config.Get("path"), "path"),
                                     .capacity_bytes = capacity_bytes};
    return {capacity_bytes, [params] { return DaxBackend::Open(params); }};
  }
  if (kind == "persistent") {
    const PersistentBackendParams params = {.path = ToText(config.Get("path"), "path"),
                                            .capacity_bytes = capacity_bytes};
    return {capacity_bytes, [params] { return PersistentBackend::Open(params); }};
  }
  if (kind == "pool") {
    PoolBackendParams params = {
        .place = {.path = ToText(config.Get("path"), "path"), .lock_path = {}},
        .capacity_bytes = capacity_bytes};
    const Napi::Value lock = config.Get("lockPath");
    if (!lock.IsUndefined()) params.place.lock_path = ToText(lock, "lockPath");
    return {capacity_bytes, [params] { return PoolBackend::Open(params); }};
  }
  if (kind == "memkind") {
    MemkindBackendParams params = {.kind = ReadMemkindKind(config),
                                   .directory = {},
                                   .capacity_bytes = capacity_bytes,
                                   .plugin_path = MemkindPluginPath()};
    if (params.kind == MEMTIERS_MEMKIND_PMEM) {
      params.directory = ToText(config.Get("directory"), "directory");
    }
    return {capacity_bytes, [params] { return MemkindBackend::Open(params); }};
  }
  ThrowInvalid(config.Env(), "kind", "numa, file, dax, pool, persistent, memkind or simulated");
}

}  // namespace memtiers
