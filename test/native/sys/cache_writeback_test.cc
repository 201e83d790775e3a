#include "sys/cache_writeback.h"

#include <doctest/doctest.h>

#include <cstring>

#include "base/bytes.h"
#include "sys/mapping.h"
#include "sys/probe.h"

namespace memtiers {

TEST_CASE("writing caches back changes nothing and touches nothing beyond the range") {
  // Between reservations: a line too many would be a fault.
  const size_t page = PageBytes();
  std::byte* const base = ReserveAddressSpace(3 * page, page).value();
  REQUIRE(MapAnonymous(base + page, page).ok());
  std::memset(base + page, 5, page);
#if defined(__x86_64__) || defined(__aarch64__)
  CHECK(WriteBackCaches(base + page, page));
  CHECK(WriteBackCaches(base + page + 1, page - 1));
  CHECK(WriteBackCaches(base + 2 * page - 1, 1));
  CHECK(WriteBackCaches(base + 2 * page, 0));
#endif
  for (size_t i = 0; i < page; ++i) REQUIRE(base[page + i] == std::byte{5});
  ReleaseAddressSpace(base, 3 * page);
}

}  // namespace memtiers
