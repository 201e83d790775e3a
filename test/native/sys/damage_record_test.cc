#include "sys/damage_record.h"

#include <doctest/doctest.h>

#include "base/bytes.h"

namespace memtiers {
namespace {

constexpr size_t kPage = DamageRecord::kGranuleBytes;

DamageRecord MakeRecord(size_t chunks) {
  return std::move(DamageRecord::Make(chunks * kChunkBytes).value());
}

bool operator==(const DamagedBytes& a, const DamagedBytes& b) {
  return a.offset == b.offset && a.bytes == b.bytes && a.cause == b.cause;
}

}  // namespace

TEST_CASE("a new record has no damage") {
  const DamageRecord record = MakeRecord(100);
  CHECK(!record.Any(0, 100 * kChunkBytes));
  CHECK(record.Ranges(0, 100 * kChunkBytes).empty());
}

TEST_CASE("damage is found to the byte's page and nowhere else") {
  DamageRecord record = MakeRecord(70);
  const size_t at = 66 * kChunkBytes + 511 * kPage;
  record.Mark(at, kPage, DamageCause::kLost);
  CHECK(record.Any(at, 1));
  CHECK(record.Any(at + kPage - 1, 1));
  CHECK(record.Any(0, 70 * kChunkBytes));
  CHECK(!record.Any(at + kPage, kChunkBytes));
  CHECK(!record.Any(0, at));
  CHECK(!record.Any(at, 0));
  CHECK(record.BytesInChunk(at) == kPage);
  CHECK(record.BytesInChunk(0) == 0);
}

TEST_CASE("pages that touch are one range, by cause and inside a chunk") {
  DamageRecord record = MakeRecord(2);
  record.Mark(63 * kPage, 2 * kPage, DamageCause::kLost);
  record.Mark(65 * kPage, kPage, DamageCause::kPoison);
  record.Mark(kChunkBytes - kPage, kPage, DamageCause::kLost);
  record.Mark(kChunkBytes, kPage, DamageCause::kLost);
  const std::vector<DamagedBytes> ranges = record.Ranges(0, 2 * kChunkBytes);
  REQUIRE(ranges.size() == 4);
  CHECK(ranges[0] == DamagedBytes{63 * kPage, 2 * kPage, DamageCause::kLost});
  CHECK(ranges[1] == DamagedBytes{65 * kPage, kPage, DamageCause::kPoison});
  CHECK(ranges[2] == DamagedBytes{kChunkBytes - kPage, kPage, DamageCause::kLost});
  CHECK(ranges[3] == DamagedBytes{kChunkBytes, kPage, DamageCause::kLost});
  CHECK(record.Ranges(64 * kPage, kPage).size() == 1);
}

TEST_CASE("a chunk's damage can be forgotten without its neighbours'") {
  DamageRecord record = MakeRecord(3);
  for (size_t chunk = 0; chunk < 3; ++chunk) {
    record.Mark(chunk * kChunkBytes, kChunkBytes, DamageCause::kPoison);
  }
  record.Forget(kChunkBytes, kChunkBytes);
  CHECK(!record.Any(kChunkBytes, kChunkBytes));
  CHECK(record.BytesInChunk(0) == kChunkBytes);
  CHECK(record.BytesInChunk(2 * kChunkBytes) == kChunkBytes);
  record.Mark(kChunkBytes, kPage, DamageCause::kLost);
  REQUIRE(record.Ranges(kChunkBytes, kChunkBytes).size() == 1);
  CHECK(record.Ranges(kChunkBytes, kChunkBytes)[0].cause == DamageCause::kLost);
}

}  // namespace memtiers
