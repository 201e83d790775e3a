// Reads a long text of /proc line by line, and stops where the rest does not matter: smaps costs
// what is read of it.
//
// Thread-safe. Holds one buffer, never the text.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace memtiers {

// Calls `take` for each line, without its end, until it returns false or the text ends.
Status ForEachLine(const std::string& path, const std::function<bool(std::string_view)>& take);

}  // namespace memtiers
