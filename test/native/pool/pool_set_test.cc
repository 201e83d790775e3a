#include "pool/pool_set.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <set>

#include "pool/checksum.h"
#include "pool/set_table.h"
#include "set_place.h"

namespace memtiers {
namespace {

std::string KeyAt(int number) { return "key " + std::to_string(number); }

void Fill(PoolSet& set, int keys, uint64_t seed = 0) {
  for (int i = 0; i < keys; ++i) {
    const Result<Changed> changed = set.Put(KeyAt(i), PatternFor(seed + i, 100 + i));
    REQUIRE_MESSAGE(changed.ok(), changed.status().what());
    REQUIRE(changed.value().done);
  }
}

void CheckFilled(PoolSet& set, int keys, uint64_t seed = 0) {
  for (int i = 0; i < keys; ++i) {
    CHECK_MESSAGE(ValueOf(set, KeyAt(i)) == PatternFor(seed + i, 100 + i), KeyAt(i));
  }
}

// How many devices have a key.
size_t CopiesOf(PoolSet& set, const std::string& key) {
  size_t copies = 0;
  for (uint32_t ordinal = 0; ordinal < kMaxSetDevices; ++ordinal) {
    Pool* const pool = set.PoolOf(ordinal);
    if (pool == nullptr) continue;
    const Result<std::optional<Held>> held = pool->Get(key);
    if (!held.ok() || !held.value().has_value()) continue;
    pool->Release(*held.value());
    ++copies;
  }
  return copies;
}

// Flips a bit in the payload of a device's copy.
void Corrupt(PoolSet& set, uint32_t ordinal, const std::string& key) {
  const Result<std::optional<Held>> held = set.PoolOf(ordinal)->Get(key, false);
  REQUIRE(held.ok());
  REQUIRE(held.value().has_value());
  held.value()->payload[7] ^= std::byte{16};
  set.PoolOf(ordinal)->Release(*held.value());
}

}  // namespace

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

TEST_CASE("as many replicas as there are asked for need as many failure domains") {
  const SetPlaces places(2);
  const Result<std::unique_ptr<PoolSet>> one =
      PoolSet::Create(places.Devices({"left", "left"}), SmallSet(2));
  CHECK(one.status().code() == Code::kInvalid);
  CHECK(one.status().what().find("2 replicas") != std::string::npos);
  CHECK(PoolSet::Create(places.Devices({"left", "right"}), SmallSet(3)).status().code() ==
        Code::kInvalid);
  MakeSet(places.Devices({"left", "right"}), SmallSet(2));
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

TEST_CASE("opening or creating creates once, and destroying leaves nothing to open") {
  const SetPlaces places(2);
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      const auto set = PoolSet::OpenOrCreate(places.Devices(), SmallSet(2));
      _exit(set.ok() && set.value()->Add("opened", 1).ok() ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  {
    const auto set = OpenSet(places.Devices());
    CHECK(set->Add("opened", 0).value() == 4);
    CHECK(PoolSet::Destroy(places.Devices()).code() == Code::kBusy);
    CHECK(PoolSet::Create(places.Devices(), SmallSet(2)).status().code() == Code::kBusy);
  }
  CHECK(PoolSet::Destroy(places.Devices()).ok());
  CHECK(PoolSet::Open(places.Devices()).status().code() == Code::kUnavailable);
}

TEST_CASE("devices of different pools are not opened together") {
  const SetPlaces one(1);
  const SetPlaces two(1);
  MakeSet(one.Devices(), SmallSet(1));
  MakeSet(two.Devices(), SmallSet(1));
  CHECK(PoolSet::Open({one.Devices()[0], two.Devices()[0]}).status().code() == Code::kInvalid);
  CHECK(PoolSet::Open({one.Devices()[0], one.Devices()[0]}).status().code() == Code::kInvalid);
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
