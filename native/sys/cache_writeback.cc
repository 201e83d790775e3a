#include "sys/cache_writeback.h"

#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace memtiers {
namespace {

#if defined(__x86_64__)

enum class Instruction { kClflush, kClflushopt, kClwb };

// Written in assembly, so that the file needs no flags for processors that have them. All three
// know the line by any of its bytes. CLWB leaves the line in the cache.
void WriteBackLine(Instruction instruction, const std::byte* line) {
  auto* const byte = const_cast<char*>(reinterpret_cast<const char*>(line));
  switch (instruction) {
    case Instruction::kClwb:
      asm volatile("clwb %0" : "+m"(*byte));
      break;
    case Instruction::kClflushopt:
      asm volatile("clflushopt %0" : "+m"(*byte));
      break;
    case Instruction::kClflush:
      asm volatile("clflush %0" : "+m"(*byte));
      break;
  }
}

Instruction BestInstruction() {
  constexpr unsigned kClflushoptBit = 1U << 23;  // CPUID leaf 7, EBX
  constexpr unsigned kClwbBit = 1U << 24;
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return Instruction::kClflush;
  if ((ebx & kClwbBit) != 0) return Instruction::kClwb;
  return (ebx & kClflushoptBit) != 0 ? Instruction::kClflushopt : Instruction::kClflush;
}

size_t LineBytes() {
  constexpr size_t kUnit = 8;
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0) return 64;
  return (ebx >> 8 & 0xff) * kUnit;  // the line of CLFLUSH
}

#elif defined(__aarch64__)

size_t LineBytes() {
  uint64_t cache_type = 0;
  asm("mrs %0, ctr_el0" : "=r"(cache_type));
  return size_t{4} << (cache_type >> 16 & 0xf);  // DminLine, in words
}

#endif

}  // namespace

bool WriteBackCaches([[maybe_unused]] const std::byte* address, [[maybe_unused]] size_t bytes) {
#if defined(__x86_64__)
  static const Instruction instruction = BestInstruction();
  static const size_t line_bytes = LineBytes();
  const std::byte* const end = address + bytes;
  const std::byte* line = address - reinterpret_cast<uintptr_t>(address) % line_bytes;
  for (; line < end; line += line_bytes) WriteBackLine(instruction, line);
  _mm_sfence();
  return true;
#elif defined(__aarch64__)
  static const bool to_persistence = (getauxval(AT_HWCAP) & uint64_t{1} << 16) != 0;  // DCPOP
  static const size_t line_bytes = LineBytes();
  const std::byte* const end = address + bytes;
  const std::byte* line = address - reinterpret_cast<uintptr_t>(address) % line_bytes;
  for (; line < end; line += line_bytes) {
    if (to_persistence) {
      // dc cvap, by number for assemblers that only know the base architecture.
      asm volatile("sys #3, c7, c12, #1, %0" : : "r"(line) : "memory");
    } else {
      asm volatile("dc cvac, %0" : : "r"(line) : "memory");
    }
  }
  asm volatile("dsb sy" : : : "memory");
  return true;
#else
  return false;
#endif
}

}  // namespace memtiers
