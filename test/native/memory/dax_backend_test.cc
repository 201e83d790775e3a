#include "memory/dax_backend.h"

#include <doctest/doctest.h>

#include "base/bytes.h"

namespace memtiers {

TEST_CASE("what is not a devdax device is unavailable") {
  for (const char* path : {"/dev/dax77.0", "/dev/null", "/tmp", "/etc/passwd"}) {
    CAPTURE(path);
    const auto opened = DaxBackend::Open({.path = path, .capacity_bytes = kChunkBytes});
    CHECK_FALSE(opened.ok());
    const Code code = opened.status().code();
    const bool expected =
        code == Code::kUnavailable || code == Code::kIo || code == Code::kNoPermission;
    CHECK(expected);
  }
}

}  // namespace memtiers
