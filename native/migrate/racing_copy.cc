#include "migrate/racing_copy.h"

#include <cstdint>
#include <cstring>

#include "sys/probe.h"

#if defined(__SANITIZE_THREAD__)
#define MEMTIERS_RACES 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MEMTIERS_RACES 1
#endif
#endif

namespace memtiers {

#if defined(MEMTIERS_RACES)

// To ThreadSanitizer a copy of bytes that somebody writes is a race, whatever is done with them.
__attribute__((no_sanitize("thread"))) void CopyRacing(std::byte* to, const std::byte* from,
                                                       size_t bytes) {
  for (size_t i = 0; i < bytes; i += sizeof(uint64_t)) {
    *reinterpret_cast<volatile uint64_t*>(to + i) =
        *reinterpret_cast<const volatile uint64_t*>(from + i);
  }
}

__attribute__((no_sanitize("thread"))) bool EqualRacing(const std::byte* left,
                                                        const std::byte* right, size_t bytes) {
  for (size_t i = 0; i < bytes; i += sizeof(uint64_t)) {
    if (*reinterpret_cast<const volatile uint64_t*>(left + i) !=
        *reinterpret_cast<const volatile uint64_t*>(right + i)) {
      return false;
    }
  }
  return true;
}

#else

void CopyRacing(std::byte* to, const std::byte* from, size_t bytes) {
  std::memcpy(to, from, bytes);
}

bool EqualRacing(const std::byte* left, const std::byte* right, size_t bytes) {
  return std::memcmp(left, right, bytes) == 0;
}

#endif

size_t CopyUnequalPages(std::byte* to, const std::byte* from, size_t bytes) {
  const size_t page = PageBytes();
  size_t copied = 0;
  for (size_t at = 0; at < bytes; at += page) {
    if (EqualRacing(to + at, from + at, page)) continue;
    CopyRacing(to + at, from + at, page);
    copied += page;
  }
  return copied;
}

}  // namespace memtiers
