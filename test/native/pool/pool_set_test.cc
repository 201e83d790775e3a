#include "pool/pool_set.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <set>
#include <span>

#include "set_place.h"
#include "set_values.h"

namespace memtiers {

TEST_CASE("a set of one device does what its pool does") {
  const SetPlaces places(1);
  const auto set = MakeSet(places.Devices(), SmallSet(1));
  CHECK(set->name() == "set");
  const Result<Changed> made = set->Put("a", PatternFor(1, 300), 0);
  REQUIRE(made.ok());
  CHECK(made.value().done);
  CHECK(set->VersionOf("a").value() == made.value().version);
  CHECK_FALSE(set->Put("a", PatternFor(2, 10), 0).value().done);
  CHECK(set->Put("a", PatternFor(2, 10), made.value().version).value().done);
  CHECK(ValueOf(*set, "a") == PatternFor(2, 10));
  CHECK(set->Add("n", 5).value() == 5);
  CHECK(set->Add("n", -7).value() == -2);
  CHECK(set->Add("a", 1).status().code() == Code::kInvalid);
  CHECK(set->Delete("a").value().done);
  CHECK_FALSE(set->Delete("a").value().done);
  CHECK(ValueOf(*set, "a") == std::nullopt);
  CHECK(set->Put("", PatternFor(1, 1)).status().code() == Code::kInvalid);
  CHECK(set->Put(std::string(97, 'x'), PatternFor(1, 1)).status().code() == Code::kInvalid);
  const Result<SetCheck> check = set->Check();
  REQUIRE(check.ok());
  CHECK_MESSAGE(check.value().clean(), FindingsOf(check.value()));
  CHECK(check.value().objects == 1);
  REQUIRE(set->Members().size() == 1);
  CHECK(set->Members()[0].self);
  CHECK(set->Members()[0].process == static_cast<uint32_t>(getpid()));
}

TEST_CASE("what a pool of one device has is there when it is opened as a set") {
  const SetPlaces places(1);
  const auto file = MakePool(places[0], SmallPool());
  CHECK(JoinPool(file)->Put("k", PatternFor(3, 50)).ok());
  const auto set = OpenSet(places.Devices());
  CHECK(ValueOf(*set, "k") == PatternFor(3, 50));
}

TEST_CASE("keys spread over the devices of a set, and all members find them") {
  const SetPlaces places(3);
  const auto set = MakeSet(places.Devices(), SmallSet(1));
  const auto other = OpenSet(places.Devices());
  Fill(*set, 60);
  CheckFilled(*other, 60);
  for (const DeviceReport& device : set->Devices()) {
    CHECK(device.state == DeviceState::kGood);
    CHECK(device.free_bytes < device.capacity_bytes);
  }
  std::set<std::string> listed;
  uint64_t position = 0;
  while (const std::optional<Listed> one = other->Next(position)) {
    CHECK(listed.insert(one->key).second);
  }
  CHECK(listed.size() == 60);
  CHECK(set->Members().size() == 2);
  for (int i = 0; i < 60; ++i) CHECK(other->Delete(KeyAt(i)).value().done);
  for (int i = 0; i < 60; ++i) CHECK(ValueOf(*set, KeyAt(i)) == std::nullopt);
}

TEST_CASE("a key whose device is full goes to another one, and versions go on") {
  const SetPlaces places(2);
  std::vector<PoolDevice> devices = places.Devices();
  PoolSetFormat format = SmallSet(1);
  format.sizes.capacity_bytes = 256 * kKiB;
  format.sizes.shard_slots = 256;
  devices[1].capacity_bytes = kMiB;
  const auto set = MakeSet(devices, format);
  int stored = 0;
  while (set->Put(KeyAt(stored), PatternFor(stored, 8000)).ok()) ++stored;
  CHECK(stored > 60);
  for (const DeviceReport& device : set->Devices()) CHECK(device.free_bytes == 0);
  for (int i = 0; i < stored; ++i) CHECK(ValueOf(*set, KeyAt(i)) == PatternFor(i, 8000));
  CHECK(set->Put("more", PatternFor(0, 8000)).status().code() == Code::kFull);
  const uint64_t before = set->VersionOf(KeyAt(0)).value();
  CHECK(set->Delete(KeyAt(0)).value().done);
  CHECK(set->Put(KeyAt(0), PatternFor(1, 8000)).value().version > before);
}

TEST_CASE("a key that finds no room in one device's directory goes to another one") {
  const SetPlaces places(2);
  PoolSetFormat format = SmallSet(1);
  format.sizes.shard_slots = 8;
  format.sizes.shards = 1;
  const auto set = MakeSet(places.Devices(), format);
  Fill(*set, 16);
  CheckFilled(*set, 16);
  CHECK(set->Put("more", PatternFor(0, 8)).status().code() == Code::kFull);
}

TEST_CASE("every value has a copy in two failure domains, and regions and counters one") {
  const SetPlaces places(3);
  const auto set = MakeSet(places.Devices({"left", "left", "right"}), SmallSet(2));
  Fill(*set, 40);
  for (int i = 0; i < 40; ++i) {
    CHECK(CopiesOf(*set, KeyAt(i)) == 2);
    const Result<std::optional<Held>> held = set->PoolOf(2)->Get(KeyAt(i));
    REQUIRE(held.value().has_value());
    set->PoolOf(2)->Release(*held.value());
  }
  CHECK(set->Add("counter", 3).value() == 3);
  CHECK(CopiesOf(*set, "counter") == 1);
  const Result<SetDraft> region = set->Begin("region", 500);
  REQUIRE(region.ok());
  CHECK(set->Publish(region.value(), ObjectKind::kRegion).value().done);
  CHECK(CopiesOf(*set, "region") == 1);
  Fill(*set, 40, 1000);
  CheckFilled(*set, 40, 1000);
  const Result<SetCheck> check = set->Check();
  REQUIRE(check.ok());
  CHECK_MESSAGE(check.value().clean(), FindingsOf(check.value()));
  CHECK(check.value().objects == 42);
  CHECK(check.value().missing_copies == 0);
  CHECK(check.value().unequal_copies == 0);
  for (int i = 0; i < 40; ++i) {
    CHECK(set->Delete(KeyAt(i)).value().done);
    CHECK(CopiesOf(*set, KeyAt(i)) == 0);
  }
}

TEST_CASE("of changes that expect a version each is made once, on whatever devices") {
  const SetPlaces places(3);
  const auto set = MakeSet(places.Devices(), SmallSet(2));
  const uint64_t none = 0;
  REQUIRE(set->Put("sum", std::as_bytes(std::span(&none, 1))).ok());
  constexpr int kProcesses = 3;
  constexpr int kSteps = 300;
  std::vector<pid_t> children;
  for (int n = 0; n < kProcesses; ++n) {
    const pid_t child = fork();
    if (child == 0) {
      const auto mine = PoolSet::Open(places.Devices());
      if (!mine.ok()) _exit(1);
      for (int i = 0; i < kSteps;) {
        const Result<std::optional<SetHeld>> held = mine.value()->Get("sum");
        if (!held.ok() || !held.value().has_value()) _exit(2);
        uint64_t sum = 0;
        std::memcpy(&sum, held.value()->payload.data(), sizeof sum);
        const uint64_t version = held.value()->version;
        mine.value()->Release(*held.value());
        ++sum;
        const Result<Changed> changed =
            mine.value()->Put("sum", std::as_bytes(std::span(&sum, 1)), version);
        if (!changed.ok()) _exit(3);
        if (changed.value().done) ++i;
      }
      _exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  const auto value = ValueOf(*set, "sum");
  REQUIRE(value.has_value());
  uint64_t sum = 0;
  std::memcpy(&sum, value->data(), sizeof sum);
  CHECK(sum == kProcesses * kSteps);
  CHECK(CopiesOf(*set, "sum") == 2);
}

TEST_CASE("room of one's own comes back when it is abandoned, and is nobody's key") {
  const SetPlaces places(2);
  const auto set = MakeSet(places.Devices(), SmallSet(2));
  const Result<SetDraft> room = set->Begin("", 100000);
  REQUIRE(room.ok());
  CHECK(set->Check().value().objects == 0);
  CHECK(set->Publish(room.value(), ObjectKind::kRegion).status().code() == Code::kInvalid);
  CHECK(set->Repair().status().code() == Code::kBusy);
  set->Abandon(room.value());
  for (int i = 0; i < 50; ++i) {
    const Result<SetDraft> again = set->Begin("", 100000);
    REQUIRE(again.ok());
    set->Abandon(again.value());
  }
}

}  // namespace memtiers
