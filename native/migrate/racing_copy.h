// Copying and comparing bytes that others may be writing: what is copied may be torn, and is copied
// again by whoever can tell that it was written.
//
// Any thread. As fast as memcpy and memcmp.
#pragma once

#include <cstddef>

namespace memtiers {

void CopyRacing(std::byte* to, const std::byte* from, size_t bytes);

// Copies the pages that differ, and returns how many bytes that were. REQUIRES: whole pages.
size_t CopyUnequalPages(std::byte* to, const std::byte* from, size_t bytes);

bool EqualRacing(const std::byte* left, const std::byte* right, size_t bytes);

}  // namespace memtiers
