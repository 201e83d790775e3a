#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pool/pool_set.h"
#include "set_place.h"

namespace memtiers {

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

}  // namespace memtiers
