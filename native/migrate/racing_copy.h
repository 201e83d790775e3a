// Copying bytes that others may be writing: what is copied may be torn, and is copied again by
// whoever can tell that it was written.
//
// Any thread. As fast as memcpy.
#pragma once

#include <cstddef>

namespace memtiers {

void CopyRacing(std::byte* to, const std::byte* from, size_t bytes);

}  // namespace memtiers
