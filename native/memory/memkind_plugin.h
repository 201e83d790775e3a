// Finds and loads the memkind plugin, which lies beside the addon when it could be built.
//
// Thread-safe. A plugin stays loaded until the process ends.
#pragma once

#include <string>

#include "base/status.h"
#include "plugins/memkind/abi.h"

namespace memtiers {

// The plugin's functions. kUnavailable, with the loader's reason, when it or libmemkind is missing.
Result<const MemtiersMemkindApi*> LoadMemkindPlugin(const std::string& path);

// Where the plugin is when it is there: beside this library.
std::string MemkindPluginPath();

// The library's version, e.g. "memkind 1.14.0".
std::string MemkindVersion(const MemtiersMemkindApi& api);

}  // namespace memtiers
