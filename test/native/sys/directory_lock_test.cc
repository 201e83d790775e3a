#include "sys/directory_lock.h"

#include <doctest/doctest.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace memtiers {

TEST_CASE("a directory is locked once, and again when the first one has let go") {
  std::array<char, 64> path{"/tmp/memory-tiers-lock-XXXXXX"};
  REQUIRE(mkdtemp(path.data()) != nullptr);
  {
    const Result<UniqueFd> first = LockDirectory(path.data());
    REQUIRE(first.ok());
    CHECK(LockDirectory(path.data()).status().code() == Code::kBusy);
  }
  CHECK(LockDirectory(path.data()).ok());
  std::filesystem::remove(path.data());
  CHECK(LockDirectory(path.data()).status().error() == ENOENT);
}

}  // namespace memtiers
