#include "track/mapping_areas.h"

#include <doctest/doctest.h>

#include <string_view>

#include "base/bytes.h"

namespace memtiers {
namespace {

bool TakeAll(MappingAreaParser& parser, std::string_view text) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (!parser.Take(text.substr(0, end))) return false;
    text.remove_prefix(end + 1);
  }
  return true;
}

// As Linux 6.18 writes it, shortened.
constexpr std::string_view kSmaps =
    "7f0000000000-7f0000200000 rw-p 00000000 00:00 0                    [anon:memory-tiers 1]\n"
    "Size:               2048 kB\n"
    "Rss:                2048 kB\n"
    "Referenced:         1024 kB\n"
    "AnonHugePages:         0 kB\n"
    "VmFlags: rd wr mr mw me ac \n"
    "7f0000200000-7f0000400000 rw-p 00000000 00:00 0 \n"
    "Rss:                2048 kB\n"
    "Referenced:         2048 kB\n"
    "AnonHugePages:      2048 kB\n"
    "VmFlags: rd wr mr mw me ac hg \n"
    "7f0000400000-7f0000800000 rw-s 00200000 103:02 917510      /mnt/a b (deleted)\n"
    "Rss:                   4 kB\n"
    "Referenced:            4 kB\n"
    "VmFlags: rd wr sh mr mw me ms hg \n"
    "7f0000900000-7f0000a00000 rw-p 00000000 00:00 0 \n"
    "Referenced:           64 kB\n";

}  // namespace

TEST_CASE("areas are read with what smaps says of them, names with blanks or not") {
  MappingAreaParser parser(0, UINTPTR_MAX);
  CHECK(TakeAll(parser, kSmaps));
  const std::vector<MappingArea> areas = parser.Finish();
  REQUIRE(areas.size() == 4);
  CHECK(areas[0].begin == 0x7f0000000000);
  CHECK(areas[0].end == 0x7f0000200000);
  CHECK_FALSE(areas[0].file);
  CHECK(areas[0].resident_bytes == 2 * kMiB);
  CHECK(areas[0].referenced_bytes == kMiB);
  CHECK(areas[0].huge_bytes == 0);
  CHECK_FALSE(areas[0].huge_advice);
  CHECK(areas[1].huge_bytes == 2 * kMiB);
  CHECK(areas[2].file);
  CHECK(areas[2].huge_advice);
  CHECK(areas[3].referenced_bytes == 64 * kKiB);
}

TEST_CASE(
    "only areas that overlap the range are kept, and the first one behind it ends the reading") {
  MappingAreaParser parser(0x7f0000300000, 0x7f0000500000);
  CHECK_FALSE(TakeAll(parser, kSmaps));
  const std::vector<MappingArea> areas = parser.Finish();
  REQUIRE(areas.size() == 2);
  CHECK(areas[0].begin == 0x7f0000200000);
  CHECK(areas[0].referenced_bytes == 2 * kMiB);
  CHECK(areas[1].end == 0x7f0000800000);
}

TEST_CASE("lines that make no sense change nothing") {
  MappingAreaParser parser(0, UINTPTR_MAX);
  CHECK(parser.Take(""));
  CHECK(parser.Take("-"));
  CHECK(parser.Take("zz-7f00 rw-p"));
  CHECK(parser.Take("Referenced: 4 kB"));
  CHECK(parser.Take("1000-2000 rw-p 0 0:0 0"));
  CHECK(parser.Take("Referenced: many kB"));
  CHECK(parser.Take("Rss"));
  const std::vector<MappingArea> areas = parser.Finish();
  REQUIRE(areas.size() == 1);
  CHECK(areas[0].referenced_bytes == 0);
}

}  // namespace memtiers
