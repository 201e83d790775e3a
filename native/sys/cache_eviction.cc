#include "sys/cache_eviction.h"

#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#include <emmintrin.h>
#endif

namespace memtiers {
namespace {

#if defined(__x86_64__)

constexpr size_t kLineBytes = 64;  // of every x86-64 so far; a smaller step would only be slower

bool HasClflushopt() {
  constexpr unsigned kClflushoptBit = 1U << 23;  // CPUID leaf 7, EBX
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & kClflushoptBit) != 0;
}

// In assembly, so that the file needs no flags for processors that have it.
void FlushUnordered(const std::byte* line) {
  auto* const byte = const_cast<char*>(reinterpret_cast<const char*>(line));
  asm volatile("clflushopt %0" : "+m"(*byte));
}

#elif defined(__aarch64__)

size_t LineBytes() {
  uint64_t cache_type = 0;
  asm("mrs %0, ctr_el0" : "=r"(cache_type));
  return size_t{4} << (cache_type >> 16 & 0xf);  // DminLine, in words
}

#endif

}  // namespace

bool EvictFromCaches([[maybe_unused]] const std::byte* address, [[maybe_unused]] size_t bytes) {
#if defined(__x86_64__)
  static const bool unordered = HasClflushopt();
  const std::byte* const end = address + bytes;
  const std::byte* line = address - reinterpret_cast<uintptr_t>(address) % kLineBytes;
  for (; line < end; line += kLineBytes) {
    if (unordered) {
      FlushUnordered(line);
    } else {
      _mm_clflush(line);
    }
  }
  // Neither flush is ordered with later loads by anything weaker.
  _mm_mfence();
  return true;
#elif defined(__aarch64__)
  static const size_t line_bytes = LineBytes();
  const std::byte* const end = address + bytes;
  const std::byte* line = address - reinterpret_cast<uintptr_t>(address) % line_bytes;
  for (; line < end; line += line_bytes) asm volatile("dc civac, %0" : : "r"(line) : "memory");
  asm volatile("dsb sy" : : : "memory");
  return true;
#else
  return false;
#endif
}

}  // namespace memtiers
