#include "topology/parse.h"

#include <doctest/doctest.h>

#include <cstdint>

namespace memtiers {

using Ints = std::vector<int>;

TEST_CASE("a list is ranges and numbers in any order") {
  CHECK(ParseList("0-3,8\n") == Ints{0, 1, 2, 3, 8});
  CHECK(ParseList("8,0-1,1") == Ints{0, 1, 8});
  CHECK(ParseList("\n") == Ints{});
}

TEST_CASE("a list that makes no sense is absent") {
  for (const char* text : {"x", "3-1", "-1", "1-", "0-99999999", "1,2-x", "99999999999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(ParseList(text).has_value());
  }
}

TEST_CASE("numbers must be whole and fit") {
  CHECK(ParseUint(" 18446744073709551615\n") == UINT64_MAX);
  CHECK(ParseInt("-1\n") == -1);
  for (const char* text : {"", "-1", "12x", "1 2", "18446744073709551616", "0x10"}) {
    CAPTURE(text);
    CHECK_FALSE(ParseUint(text).has_value());
  }
}

TEST_CASE("cache sizes carry a unit") {
  CHECK(ParseCacheSize("48K\n") == 48 * 1024);
  CHECK(ParseCacheSize("2M") == 2 * 1024 * 1024);
  CHECK(ParseCacheSize("512") == 512);
  CHECK_FALSE(ParseCacheSize("K").has_value());
  CHECK_FALSE(ParseCacheSize("18446744073709551615G").has_value());
}

TEST_CASE("meminfo keys are found whole, with or without the node in front") {
  const char* node =
      "\nNode 1 MemTotal:   2048 kB\nNode 1 MemFree: 1024 kB\nNode 1 HugePages_Total: 0\n";
  CHECK(ParseMeminfoBytes(node, "MemTotal") == 2048 * 1024);
  CHECK(ParseMeminfoBytes("MemFree: 8 kB", "MemFree") == 8 * 1024);
  CHECK_FALSE(ParseMeminfoBytes(node, "Total").has_value());
  CHECK_FALSE(ParseMeminfoBytes(node, "HugePages_Total").has_value());
  CHECK_FALSE(ParseMeminfoBytes("MemFree: 18446744073709551615 kB", "MemFree").has_value());
}

TEST_CASE("a field is found by its whole key") {
  const char* status = "Mems_allowed:\t1\nMems_allowed_list:\t0-1\n";
  CHECK(FindField(status, "Mems_allowed_list:") == "0-1");
  CHECK(FindField("inactive_file 7\ntotal_inactive_file 9", "inactive_file") == "7");
  CHECK_FALSE(FindField("inactive_files 7", "inactive_file").has_value());
}

TEST_CASE("a mount line may have any number of optional fields") {
  const auto plain = ParseMountLine("36 35 98:0 /a /b rw,noatime - ext3 /dev/root rw,dax");
  REQUIRE(plain.has_value());
  CHECK(plain->device == "98:0");
  CHECK(plain->root == "/a");
  CHECK(plain->path == "/b");
  CHECK(plain->source == "/dev/root");
  CHECK(plain->super_options == "rw,dax");
  const auto tagged = ParseMountLine("36 35 98:0 / /b rw shared:1 master:2 - xfs /dev/sda rw");
  REQUIRE(tagged.has_value());
  CHECK(tagged->fs_type == "xfs");
  for (const char* line :
       {"", "36 35 98:0 / /b rw", "36 35 98:0 / /b rw - ext4", "- - - - - - - -"}) {
    CAPTURE(line);
    CHECK_FALSE(ParseMountLine(line).has_value());
  }
}

TEST_CASE("octal escapes become what they stand for and nothing else changes") {
  CHECK(UnescapeOctal("/a\\040b\\011c\\134d") == "/a b\tc\\d");
  CHECK(UnescapeOctal("/a\\04") == "/a\\04");
  CHECK(UnescapeOctal("/a\\999\\777") == "/a\\999\\777");
}

}  // namespace memtiers
