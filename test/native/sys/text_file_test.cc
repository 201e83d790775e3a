#include "sys/text_file.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>

namespace memtiers {

TEST_CASE("a file of /proc is read whole although stat says it is empty") {
  const Result<std::string> status = ReadTextFile("/proc/self/status");
  REQUIRE(status.ok());
  CHECK(status.value().find("Cpus_allowed_list:") != std::string::npos);
}

TEST_CASE("what cannot be read says why") {
  CHECK(ReadTextFile("/nowhere").status().error() == ENOENT);
  CHECK(ReadTextFile("/proc").status().error() == EISDIR);
  CHECK(ReadTextFile("/dev/zero").status().code() == Code::kFull);
  CHECK(ListDirectory("/proc/self/status").status().error() == ENOTDIR);
  CHECK(ResolvePath("/nowhere").status().error() == ENOENT);
  CHECK(FreeDiskBytes("/nowhere").status().error() == ENOENT);
}

TEST_CASE("a control file gets what is written instead of what it held") {
  const std::string path = "/tmp/memory-tiers-text-" + std::to_string(getpid());
  CHECK(WriteTextFile(path, "1").error() == ENOENT);
  std::ofstream(path) << "a longer text";
  CHECK(WriteTextFile(path, "on").ok());
  CHECK(ReadTextFile(path).value() == "on");
  CHECK(std::remove(path.c_str()) == 0);
  CHECK(WriteTextFile("/proc/self/oom_score_adj", "no number").error() == EINVAL);
}

TEST_CASE("a directory is listed in order without itself") {
  const Result<std::vector<std::string>> names = ListDirectory("/proc/self");
  REQUIRE(names.ok());
  CHECK(std::is_sorted(names.value().begin(), names.value().end()));
  CHECK(std::find(names.value().begin(), names.value().end(), "status") != names.value().end());
  CHECK(std::find(names.value().begin(), names.value().end(), "..") == names.value().end());
}

TEST_CASE("links are resolved") {
  const Result<std::string> self = ResolvePath("/proc/self");
  REQUIRE(self.ok());
  CHECK(self.value().starts_with("/proc/"));
  CHECK(self.value() != "/proc/self");
  CHECK(IsDirectory("/proc/self"));
  CHECK_FALSE(IsDirectory("/proc/self/status"));
}

}  // namespace memtiers
