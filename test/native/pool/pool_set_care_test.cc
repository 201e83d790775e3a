#include <doctest/doctest.h>

#include <cstring>

#include "pool/pool_set.h"
#include "set_place.h"
#include "set_values.h"

namespace memtiers {

TEST_CASE("a copy that is damaged is passed over and made again") {
  const SetPlaces places(2);
  const auto set = MakeSet(places.Devices(), SmallSet(2));
  Fill(*set, 30);
  const auto other = OpenSet(places.Devices());
  for (int i = 0; i < 30; ++i) Corrupt(*set, i % 2, KeyAt(i));
  // Half of them are no key's first copy, and nobody looks at them.
  CheckFilled(*other, 30);
  CHECK(other->figures().failed_over > 5);
  CHECK(other->figures().healed == other->figures().failed_over);
  const Result<SetScrub> scrub = other->Scrub();
  REQUIRE(scrub.ok());
  CHECK(scrub.value().lost == 0);
  CHECK(scrub.value().objects == 30);
  CHECK(scrub.value().copied + other->figures().healed == 30);
  const Result<SetCheck> check = other->Check();
  CHECK_MESSAGE(check.value().clean(), FindingsOf(check.value()));
}

TEST_CASE("a value without a sound copy is lost, and can be stored again") {
  for (const uint32_t replicas : {1U, 2U}) {
    const SetPlaces places(2);
    const auto set = MakeSet(places.Devices(), SmallSet(replicas));
    Fill(*set, 1);
    for (uint32_t ordinal = 0; ordinal < 2; ++ordinal) {
      const Result<std::optional<Held>> held = set->PoolOf(ordinal)->Get(KeyAt(0));
      if (!held.value().has_value()) continue;
      set->PoolOf(ordinal)->Release(*held.value());
      Corrupt(*set, ordinal, KeyAt(0));
    }
    const auto other = OpenSet(places.Devices());
    CHECK(other->Get(KeyAt(0)).status().code() == Code::kLost);
    const Result<SetScrub> scrub = other->Scrub();
    REQUIRE(scrub.ok());
    CHECK(scrub.value().lost == 1);
    CHECK(scrub.value().lost_keys == std::vector<std::string>{KeyAt(0)});
    CHECK(other->Put(KeyAt(0), PatternFor(9, 90)).value().done);
    CHECK(ValueOf(*other, KeyAt(0)) == PatternFor(9, 90));
  }
}

TEST_CASE("a set is repaired device by device, and what one has lost is copied from the other") {
  const SetPlaces places(2);
  const auto set = MakeSet(places.Devices(), SmallSet(2));
  Fill(*set, 20);
  {
    const auto other = OpenSet(places.Devices());
    CHECK(set->Repair().status().code() == Code::kBusy);
  }
  for (int i = 0; i < 10; ++i) Corrupt(*set, 0, KeyAt(i));
  const auto file = set->Files()[1];
  // A directory full of rubbish, and a torn table.
  for (uint64_t position = 0; position < file->layout().directory_words(); position += 3) {
    file->memory().Directory(position).store(0x123456789, std::memory_order_relaxed);
  }
  std::memset(file->memory().base() + file->layout().set_offset() + 100, 7, 50);
  CHECK_FALSE(set->Check().value().clean());
  const Result<SetRepair> repair = set->Repair();
  REQUIRE_MESSAGE(repair.ok(), repair.status().what());
  CHECK(repair.value().mended > 0);
  CHECK(repair.value().lost >= 10);
  CHECK_MESSAGE(repair.value().check.clean(), FindingsOf(repair.value().check));
  // What both had lost is gone; everything else is there twice.
  size_t there = 0;
  for (int i = 0; i < 20; ++i) {
    const auto value = ValueOf(*set, KeyAt(i));
    if (!value.has_value()) continue;
    CHECK(*value == PatternFor(i, 100 + i));
    CHECK(CopiesOf(*set, KeyAt(i)) == 2);
    ++there;
  }
  CHECK(there >= 10);
  CHECK(set->Put("after", PatternFor(1, 1)).value().done);
}

}  // namespace memtiers
