#include <doctest/doctest.h>
#include <unistd.h>

#include "crash_values.h"
#include "leak_census.h"
#include "pool/watcher.h"
#include "set_place.h"

namespace memtiers {
namespace {

// So many mappings more after all rounds are the C library's: a leak would be one a round.
constexpr size_t kAnonymousTolerance = 8;
constexpr int kWarmUps = 3;
constexpr int kRounds = 24;

std::string KeyAt(int number) { return "key " + std::to_string(number); }

// What members, readers and watchers do, on two devices; all of them leave, and one of them dies.
void UseSet(const SetPlaces& places) {
  PoolSetFormat format = SmallSet(2);
  format.overwrite = true;
  const auto created = PoolSet::Create(places.Devices(), format);
  REQUIRE_MESSAGE(created.ok(), created.status().what());
  PoolSet& set = *created.value();
  AsMemberWhoDies(set.Files()[0], [](Pool& pool) {
    (void)pool.Put("of the dead", PatternFor(9, 300));
    (void)pool.Get("of the dead");
  });
  {
    const auto other = OpenSet(places.Devices());
    const auto reader = OpenSet(places.Devices(), {.read_only = true});
    const auto watcher = PoolWatcher::Start([](uint64_t /*watch*/) {});
    REQUIRE(watcher.ok());
    watcher.value()->SetFiles(set.Files());
    watcher.value()->Watch(KeyAt(1));
    for (int i = 0; i < 12; ++i) {
      REQUIRE(set.Put(KeyAt(i), PatternFor(i, 40 + 3000 * i)).ok());
      const Result<std::optional<SetHeld>> held = other->Get(KeyAt(i));
      REQUIRE(held.ok());
      const std::optional<SetHeld>& object = held.value();
      if (i % 2 == 0) REQUIRE(other->Delete(KeyAt(i)).ok());
      if (i % 3 == 0 && object.has_value()) other->Release(*object);  // the others he leaves with
      REQUIRE(reader->Get(KeyAt(i)).ok());
    }
    REQUIRE(set.Add("count", 1).ok());
    REQUIRE(set.Scrub().ok());
    REQUIRE(set.Check().ok());
  }
  for (int i = 0; i < 12; ++i) REQUIRE(set.Delete(KeyAt(i)).ok());
  for (const char* key : {"count", "of the dead"}) REQUIRE(set.Delete(key).value().done);
  set.Maintain();
  // What a member had who died or left comes back when its room is wanted.
  for (uint32_t ordinal = 0; ordinal < 2; ++ordinal) {
    Pool& pool = *set.PoolOf(ordinal);
    const Result<Draft> all = pool.Begin(pool.memory().layout().MaxPayloadBytes());
    REQUIRE_MESSAGE(all.ok(), all.status().what());
    pool.Abandon(all.value());
    const PoolCheck check = CheckPool(*set.Files()[ordinal], nullptr);
    CHECK_MESSAGE(check.clean(), FindingsOf(check));
    CHECK(check.members == 1);
    CHECK(check.held == 0);
    CHECK(check.free_extents == set.Files()[ordinal]->layout().extent_count());
  }
}

}  // namespace

TEST_CASE("a pool that was used leaves no descriptor, mapping, thread, extent or hold behind") {
  const SetPlaces places(2);
  for (int i = 0; i < kWarmUps; ++i) UseSet(places);
  LastingServices none{.userfaultfds = 0, .threads = 0};
  const Census before = Census::Take();
  for (int i = 0; i < kRounds; ++i) UseSet(places);
  CHECK(LeakedSince(before, none) == "");
  const size_t anonymous = Census::Take().anonymous;
#ifndef __SANITIZE_ADDRESS__  // which keeps what was freed
  CHECK(anonymous <= before.anonymous + kAnonymousTolerance);
#endif
  MESSAGE(kRounds, " rounds, anonymous mappings ", before.anonymous, " -> ", anonymous);
}

TEST_CASE("what is not given back is told") {
  const Census before = Census::Take();
  CHECK(before.MoreThan(before) == "");
  const PoolPlaceForTest place;
  const auto file = MakePool(place, SmallPool());
  const Census after = Census::Take();
  CHECK(after.MoreThan(before).find("descriptors of /dev/shm/") != std::string::npos);
  CHECK(after.MoreThan(before).find("mappings of /dev/shm/") != std::string::npos);
  CHECK(before.MoreThan(after) == "");
}

}  // namespace memtiers
