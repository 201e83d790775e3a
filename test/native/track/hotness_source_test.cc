#include "track/hotness_source.h"

#include <doctest/doctest.h>

#include <set>

namespace memtiers {

TEST_CASE("every source is probed once, opens where its probe says so, and tells why elsewhere") {
  std::set<HotnessKind> kinds;
  for (const HotnessProbe& probe : ProbeHotnessSources()) {
    CAPTURE(std::string(HotnessKindName(probe.kind)));
    CAPTURE(probe.detail);
    CHECK(kinds.insert(probe.kind).second);
    const Result<std::unique_ptr<HotnessSource>> source = OpenHotnessSource(probe.kind);
    CHECK(source.ok() == probe.available);
    if (source.ok()) {
      CHECK(source.value()->kind() == probe.kind);
      CHECK(source.value()->Watch({}).ok());
      CHECK(source.value()->Collect().value().chunks.empty());
    } else {
      CHECK_FALSE(probe.detail.empty());
      CHECK_FALSE(source.status().what().empty());
    }
    CHECK((probe.sees_reads || probe.sees_writes));
  }
  CHECK(kinds.size() == 5);
}

}  // namespace memtiers
