#include "pool/checksum.h"

#include <algorithm>
#include <array>
#include <cstring>

#if defined(__aarch64__)
#include <arm_acle.h>
#endif

namespace memtiers {
namespace {

using Tables = std::array<std::array<uint32_t, 256>, 8>;

// Slicing by 8: table k is the effect of a byte that is followed by k zero bytes.
constexpr Tables MakeTables() {
  constexpr uint32_t kPolynomial = 0x82f63b78;  // Castagnoli, reflected
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t sum = byte;
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ ((sum & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = sum;
  }
  for (uint32_t byte = 0; byte < 256; ++byte) {
    for (size_t k = 1; k < 8; ++k) {
      const uint32_t before = tables[k - 1][byte];
      tables[k][byte] = before >> 8 ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

uint64_t Load64(const std::byte* at) {
  uint64_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

#if defined(__x86_64__)

bool HasInstruction() { return __builtin_cpu_supports("sse4.2") != 0; }

// The compiler may assume the instruction in this function only.
__attribute__((target("sse4.2"))) uint32_t ByInstruction(std::span<const std::byte> bytes,
                                                         uint32_t sum) {
  const std::byte* at = bytes.data();
  size_t left = bytes.size();
  uint64_t crc = ~sum;
  for (; left >= 8; at += 8, left -= 8) crc = __builtin_ia32_crc32di(crc, Load64(at));
  auto last = static_cast<uint32_t>(crc);
  for (; left > 0; ++at, --left) last = __builtin_ia32_crc32qi(last, static_cast<uint8_t>(*at));
  return ~last;
}

#elif defined(__ARM_FEATURE_CRC32)

bool HasInstruction() { return true; }

uint32_t ByInstruction(std::span<const std::byte> bytes, uint32_t sum) {
  const std::byte* at = bytes.data();
  size_t left = bytes.size();
  uint32_t crc = ~sum;
  for (; left >= 8; at += 8, left -= 8) crc = __crc32cd(crc, Load64(at));
  for (; left > 0; ++at, --left) crc = __crc32cb(crc, static_cast<uint8_t>(*at));
  return ~crc;
}

#else

bool HasInstruction() { return false; }
uint32_t ByInstruction(std::span<const std::byte> bytes, uint32_t sum) {
  return Crc32cByTable(bytes, sum);
}

#endif

// Both halves of a 128-bit product, so that every input bit reaches every output bit.
uint64_t Fold(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace

uint32_t Crc32cByTable(std::span<const std::byte> bytes, uint32_t sum) {
  const std::byte* at = bytes.data();
  size_t left = bytes.size();
  uint32_t crc = ~sum;
  for (; left >= 8; at += 8, left -= 8) {
    const uint64_t word = Load64(at) ^ crc;
    crc = 0;
    for (size_t k = 0; k < 8; ++k) crc ^= kTables[7 - k][word >> (8 * k) & 0xff];
  }
  for (; left > 0; ++at, --left) {
    crc = crc >> 8 ^ kTables[0][(crc ^ static_cast<uint32_t>(*at)) & 0xff];
  }
  return ~crc;
}

uint32_t Crc32c(std::span<const std::byte> bytes, uint32_t sum) {
  static const bool instruction = HasInstruction();
  return instruction ? ByInstruction(bytes, sum) : Crc32cByTable(bytes, sum);
}

uint64_t HashKey(std::string_view key, uint64_t seed) {
  constexpr uint64_t kA = 0x9e3779b97f4a7c15;
  constexpr uint64_t kB = 0xd6e8feb86659fd93;
  uint64_t hash = seed ^ Fold(key.size() ^ kA, kB);
  for (size_t done = 0; done < key.size(); done += 8) {
    uint64_t part = 0;
    std::memcpy(&part, key.data() + done, std::min<size_t>(8, key.size() - done));
    hash = Fold(hash ^ part ^ kB, kA);
  }
  return Fold(hash ^ kA, kB);
}

}  // namespace memtiers
