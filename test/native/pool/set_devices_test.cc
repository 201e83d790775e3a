#include "pool/set_devices.h"

#include <doctest/doctest.h>

#include "set_place.h"
#include "set_values.h"

namespace memtiers {

TEST_CASE("members notice a device that is added, and keys move there") {
  SetPlaces places(1);
  const auto set = MakeSet(places.Devices(), SmallSet(1));
  const auto other = OpenSet(places.Devices());
  Fill(*set, 40);
  places.AddFile();
  const Status added = set->AddDevice(places.Devices()[1]);
  REQUIRE_MESSAGE(added.ok(), added.what());
  CheckFilled(*other, 40);
  CHECK(other->Files().size() == 2);
  CHECK(other->Devices().size() == 2);
  const Result<SetScrub> scrub = other->Scrub();
  REQUIRE(scrub.ok());
  CHECK(scrub.value().copied > 5);
  CHECK(scrub.value().copied == scrub.value().removed);
  CheckFilled(*set, 40);
  for (int i = 0; i < 40; ++i) CHECK(CopiesOf(*set, KeyAt(i)) == 1);
  // Who comes later need not know of it.
  const auto late = OpenSet({places.Devices()[0]});
  CheckFilled(*late, 40);
  CHECK(late->figures().epoch == set->figures().epoch);
}

TEST_CASE("a set with a device missing is refused, or goes on where it has replicas") {
  const SetPlaces places(2);
  std::vector<std::byte> image;
  {
    const auto set = MakeSet(places.Devices(), SmallSet(2));
    Fill(*set, 20);
  }
  image = places.Image(1);
  places.Lose(1);
  const Result<std::unique_ptr<PoolSet>> refused =
      PoolSet::Open(places.Devices(), {.missing = MissingDevice::kRefuse});
  CHECK(refused.status().code() == Code::kUnavailable);
  CHECK(refused.status().what().find("missing") != std::string::npos);
  {
    const auto set = OpenSet(places.Devices());
    CheckFilled(*set, 20);
    CHECK(set->Devices()[1].state == DeviceState::kLost);
    CHECK(set->Delete(KeyAt(0)).value().done);
    CHECK(set->Put(KeyAt(1), PatternFor(77, 70)).value().done);
    CHECK(set->figures().under_replicated == 1);
  }
  // It comes back as it was: nothing on it counts any more.
  places.Restore(1, image);
  const auto set = OpenSet(places.Devices());
  CHECK(set->Devices()[1].state == DeviceState::kLost);
  CHECK(ValueOf(*set, KeyAt(0)) == std::nullopt);
  CHECK(ValueOf(*set, KeyAt(1)) == PatternFor(77, 70));
  CHECK(set->AddDevice(places.Devices()[1]).code() == Code::kBusy);
  const Status added = set->AddDevice(places.Devices()[1], true);
  REQUIRE_MESSAGE(added.ok(), added.what());
  const Result<SetScrub> scrub = set->Scrub();
  REQUIRE(scrub.ok());
  CHECK(scrub.value().copied == 19);
  CHECK(ValueOf(*set, KeyAt(0)) == std::nullopt);
  for (int i = 1; i < 20; ++i) CHECK(CopiesOf(*set, KeyAt(i)) == 2);
}

TEST_CASE("devices that went on without each other are not put together again") {
  const SetPlaces places(2);
  MakeSet(places.Devices(), SmallSet(2));
  const std::vector<std::byte> second = places.Image(1);
  places.Lose(1);
  OpenSet(places.Devices());
  const std::vector<std::byte> first = places.Image(0);
  places.Restore(1, second);
  places.Lose(0);
  OpenSet({places.Devices()[1]});
  places.Restore(0, first);
  const Result<std::unique_ptr<PoolSet>> both = PoolSet::Open(places.Devices());
  CHECK(both.status().code() == Code::kLost);
  CHECK(both.status().what().find("apart") != std::string::npos);
}

TEST_CASE("a device that goes away under members costs nobody anything but the second copy") {
  const SetPlaces places(2);
  const auto set = MakeSet(places.Devices(), SmallSet(2));
  Fill(*set, 20);
  const auto other = OpenSet(places.Devices());
  const Result<std::optional<SetHeld>> held = set->Get(KeyAt(3));
  REQUIRE(held.value().has_value());
  places.Lose(0);
  CheckFilled(*other, 20);
  CHECK(other->Devices()[0].state == DeviceState::kLost);
  CHECK(set->Put(KeyAt(1), PatternFor(5, 50)).value().done);
  CHECK(ValueOf(*other, KeyAt(1)) == PatternFor(5, 50));
  CHECK(set->Delete(KeyAt(2)).value().done);
  set->Release(*held.value());
  CHECK(set->Files().size() == 1);
}

TEST_CASE("without replicas a device that goes away is an error until it is declared lost") {
  const SetPlaces places(2);
  const auto set = MakeSet(places.Devices(), SmallSet(1));
  Fill(*set, 20);
  places.Lose(1);
  int good = 0;
  for (int i = 0; i < 20; ++i) {
    const Result<std::optional<SetHeld>> held = set->Get(KeyAt(i));
    if (!held.ok()) {
      CHECK(held.status().code() == Code::kLost);
      continue;
    }
    REQUIRE(held.value().has_value());
    set->Release(*held.value());
    ++good;
  }
  CHECK(good > 0);
  CHECK(good < 20);
  CHECK(set->Put("new", PatternFor(1, 1)).status().code() == Code::kLost);
  CHECK(set->DeclareLost(1).ok());
  CHECK(set->Put("new", PatternFor(1, 1)).value().done);
  CHECK(set->DeclareLost(0).code() == Code::kInvalid);
}

}  // namespace memtiers
