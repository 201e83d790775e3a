#include "pool/set_reader.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <set>

#include "pool/set_table.h"
#include "set_place.h"
#include "set_values.h"

namespace memtiers {

TEST_CASE("a pool that is opened to be read only shows values and changes nothing") {
  for (const PoolCoherence coherence : {PoolCoherence::kHardware, PoolCoherence::kSoftware}) {
    const SetPlaces places(2);
    PoolSetFormat format = SmallSet(2);
    format.coherence = coherence;
    const auto set = MakeSet(places.Devices(), format);
    Fill(*set, 20);
    CHECK(set->Add("counter", 4).value() == 4);
    const std::vector<std::byte> before = places.Image(0);
    const auto reader = OpenSet(places.Devices(), {.read_only = true});
    CHECK(reader->read_only());
    CheckFilled(*reader, 20);
    size_t listed = 0;
    for (uint64_t position = 0; reader->Next(position).has_value();) ++listed;
    CHECK(listed == 21);
    CHECK(reader->Put("x", PatternFor(1, 1)).status().code() == Code::kNoPermission);
    CHECK(reader->Delete(KeyAt(0)).status().code() == Code::kNoPermission);
    CHECK(reader->Add("counter", 1).status().code() == Code::kNoPermission);
    CHECK(reader->Begin("x", 1).status().code() == Code::kNoPermission);
    CHECK(reader->Scrub().status().code() == Code::kNoPermission);
    const Result<std::optional<SetHeld>> held = reader->Get(KeyAt(0));
    CHECK(set->Delete(KeyAt(0)).value().done);
    CHECK(std::ranges::equal(held.value()->payload, PatternFor(0, 100)));
    reader->Release(*held.value());
    CHECK(ValueOf(*reader, KeyAt(0)) == std::nullopt);
    CHECK(set->Put(KeyAt(0), PatternFor(0, 100)).ok());
    CHECK(set->Members().size() == 1);
    CHECK(before.size() == places.Image(0).size());
  }
}

TEST_CASE("with software coherence the host that writes is one, and another one can take over") {
  const SetPlaces places(1);
  PoolSetFormat format = SmallSet(1);
  format.coherence = PoolCoherence::kSoftware;
  {
    const auto set = MakeSet(places.Devices(), format);
    Fill(*set, 5);
    // As it is on a host that has not created it.
    const auto file = set->Files()[0];
    SetTable table = *ReadSetTable(file->memory());
    table.home_boot ^= 1;
    ++table.epoch;
    WriteSetTable(file->memory(), table);
  }
  const std::vector<std::byte> before = places.Image(0);
  {
    const auto guest = OpenSet(places.Devices());
    CHECK(guest->read_only());
    CheckFilled(*guest, 5);
    CHECK(guest->Put("x", PatternFor(1, 1)).status().code() == Code::kNoPermission);
  }
  CHECK(places.Image(0) == before);
  const auto heir = OpenSet(places.Devices(), {.take_over = true});
  CHECK_FALSE(heir->read_only());
  CHECK(heir->Put("x", PatternFor(1, 1)).value().done);
  CHECK_FALSE(OpenSet(places.Devices())->read_only());
}

TEST_CASE("a reader of another host sees whole values only, whatever is written meanwhile") {
  const SetPlaces places(2);
  PoolSetFormat format = SmallSet(2);
  format.coherence = PoolCoherence::kSoftware;
  const auto set = MakeSet(places.Devices(), format);
  REQUIRE(set->Put("k", PatternFor(1, 3001)).ok());
  const pid_t writer = fork();
  if (writer == 0) {
    const auto mine = PoolSet::Open(places.Devices());
    if (!mine.ok()) _exit(1);
    for (uint64_t i = 0;; ++i) {
      const uint64_t seed = 1 + i % 50;
      if (!mine.value()->Put("k", PatternFor(seed, 3000 + seed)).ok()) _exit(1);
    }
  }
  const auto reader = OpenSet(places.Devices(), {.read_only = true});
  std::set<size_t> seen;
  for (int i = 0; i < 100000 && (i < 2000 || seen.size() < 10); ++i) {
    const std::optional<std::vector<std::byte>> value = ValueOf(*reader, "k");
    REQUIRE(value.has_value());
    const size_t seed = value->size() - 3000;
    REQUIRE(*value == PatternFor(seed, value->size()));
    seen.insert(seed);
  }
  CHECK(seen.size() >= 10);
  kill(writer, SIGKILL);
  int status = 0;
  waitpid(writer, &status, 0);
  CHECK(WIFSIGNALED(status));
}

}  // namespace memtiers
