#include "migrate/racing_copy.h"

#include <cstdint>
#include <cstring>

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

#else

void CopyRacing(std::byte* to, const std::byte* from, size_t bytes) {
  std::memcpy(to, from, bytes);
}

#endif

}  // namespace memtiers
