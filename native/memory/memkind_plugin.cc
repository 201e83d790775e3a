#include "memory/memkind_plugin.h"

#include "sys/library.h"

namespace memtiers {

Result<const MemtiersMemkindApi*> LoadMemkindPlugin(const std::string& path) {
  Result<void*> library = OpenLibrary(path);
  if (!library.ok()) return library.status();
  const auto entry =
      reinterpret_cast<MemtiersMemkindEntry>(FindSymbol(library.value(), MEMTIERS_MEMKIND_ENTRY));
  if (entry == nullptr) return Status(Code::kUnavailable, path + " is not the memkind plugin");
  const MemtiersMemkindApi* api = entry();
  if (api->abi != MEMTIERS_MEMKIND_ABI) {
    return Status(Code::kUnavailable, path + " belongs to another version of memory-tiers");
  }
  return api;
}

std::string MemkindPluginPath() { return DirectoryOfThisLibrary() + "/memkind_backend.so"; }

std::string MemkindVersion(const MemtiersMemkindApi& api) {
  constexpr int kMajor = 1'000'000;
  constexpr int kMinor = 1'000;
  const int version = api.library_version();
  return "memkind " + std::to_string(version / kMajor) + "." +
         std::to_string(version % kMajor / kMinor) + "." + std::to_string(version % kMinor);
}

}  // namespace memtiers
