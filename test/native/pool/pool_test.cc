#include "pool/pool.h"

#include <doctest/doctest.h>

#include <cstring>
#include <map>
#include <random>
#include <set>

#include "pool/check.h"
#include "pool_place.h"

namespace memtiers {
namespace {

std::string Name(uint64_t number) { return "key " + std::to_string(number); }

bool HasPattern(Pool& pool, const std::string& key, uint64_t seed, size_t bytes) {
  const Result<std::optional<Held>> held = pool.Get(key);
  if (!held.ok() || !held.value().has_value()) return false;
  const std::vector<std::byte> pattern = PatternFor(seed, bytes);
  const bool same = std::ranges::equal(held.value()->payload, pattern);
  pool.Release(*held.value());
  return same;
}

bool Put(Pool& pool, const std::string& key, uint64_t seed, size_t bytes) {
  const Result<Changed> changed = pool.Put(key, PatternFor(seed, bytes));
  return changed.ok() && changed.value().done;
}

uint64_t FreeExtents(const std::shared_ptr<const PoolFile>& file) {
  return CheckPool(*file, nullptr).free_extents;
}

}  // namespace

TEST_CASE("a counter wraps around at the ends of what it can be") {
  const PoolPlaceForTest place;
  const auto pool = JoinPool(MakePool(place, SmallPool()));
  CHECK(pool->Add("count", INT64_MAX).value() == INT64_MAX);
  CHECK(pool->Add("count", 1).value() == INT64_MIN);
  CHECK(pool->Add("count", -1).value() == INT64_MAX);
  CHECK(pool->Add("count", INT64_MIN).value() == -1);
}

TEST_CASE("a value put by one member is read by another, whatever its size") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, SmallPool());
  const auto writer = JoinPool(file);
  const auto reader = JoinPool(file);
  uint64_t seed = 0;
  for (const size_t bytes : {0, 1, 63, 64, 65, 1000, 4096, 15000, 16000, 40000, 100000}) {
    CAPTURE(bytes);
    const std::string key = Name(++seed);
    CHECK(Put(*writer, key, seed, bytes));
    CHECK(HasPattern(*reader, key, seed, bytes));
  }
  const PoolCheck check = CheckPool(*file, nullptr);
  CHECK_MESSAGE(check.clean(), FindingsOf(check));
  CHECK(check.objects == seed);
}

TEST_CASE("keys are told apart up to their last byte, and longer ones refused") {
  const PoolPlaceForTest place;
  const auto pool = JoinPool(MakePool(place, SmallPool()));
  const std::string longest(kMaxKeyBytes, 'k');
  std::string other = longest;
  other.back() = 'l';
  CHECK(Put(*pool, longest, 1, 100));
  CHECK(Put(*pool, other, 2, 100));
  CHECK(HasPattern(*pool, longest, 1, 100));
  CHECK(HasPattern(*pool, other, 2, 100));
  CHECK(pool->Put(longest + "x", {}).status().code() == Code::kInvalid);
  CHECK(pool->Put("", {}).status().code() == Code::kInvalid);
  CHECK(pool->Get(longest + "x").status().code() == Code::kInvalid);
  CHECK(pool->Delete("").status().code() == Code::kInvalid);
}

TEST_CASE("a change is made only to the version it expects") {
  const PoolPlaceForTest place;
  const auto pool = JoinPool(MakePool(place, SmallPool()));
  const std::vector<std::byte> value(10);
  const Changed first = pool->Put("k", value, 0).value();
  CHECK(first.done);
  const Changed again = pool->Put("k", value, 0).value();
  CHECK_FALSE(again.done);
  CHECK(again.version == first.version);
  const Changed second = pool->Put("k", value, first.version).value();
  CHECK(second.done);
  CHECK(second.version > first.version);
  CHECK_FALSE(pool->Put("k", value, first.version).value().done);
  CHECK_FALSE(pool->Delete("k", first.version).value().done);
  CHECK(pool->Delete("k", second.version).value().done);
  CHECK_FALSE(pool->Delete("k").value().done);
  const Changed third = pool->Put("k", value, 0).value();
  CHECK(third.version > second.version);
}

TEST_CASE("what is held stays as it was when its key is changed, deleted and its memory wanted") {
  const PoolPlaceForTest place;
  PoolFormat format = SmallPool();
  format.sizes.shard_slots = 256;
  const auto file = MakePool(place, format);
  const auto writer = JoinPool(file);
  const auto reader = JoinPool(file);
  for (const size_t bytes : {size_t{5000}, size_t{40000}}) {
    CAPTURE(bytes);
    REQUIRE(Put(*writer, "held", 7, bytes));
    const Held held = reader->Get("held").value().value();
    CHECK(Put(*writer, "held", 8, bytes));
    CHECK(writer->Delete("held").value().done);
    uint64_t stored = 0;
    while (Put(*writer, Name(stored), stored, bytes)) ++stored;
    CHECK(stored > 5);
    CHECK(std::ranges::equal(held.payload, PatternFor(7, bytes)));
    reader->Release(held);
    CHECK(Put(*writer, Name(stored), stored, bytes));  // there is room again
    for (uint64_t i = 0; i <= stored; ++i) CHECK(writer->Delete(Name(i)).value().done);
  }
}

TEST_CASE("a full pool refuses what has no room, loses nothing and takes more after a deletion") {
  const PoolPlaceForTest place;
  PoolFormat format = SmallPool();
  format.sizes.shard_slots = 256;  // memory ends before the directory
  const auto file = MakePool(place, format);
  const auto pool = JoinPool(file);
  uint64_t stored = 0;
  Result<Changed> last = Changed{};
  for (;; ++stored) {
    last = pool->Put(Name(stored), PatternFor(stored, 3000));
    if (!last.ok()) break;
  }
  CHECK(last.status().code() == Code::kFull);
  for (uint64_t i = 0; i < stored; ++i) CHECK(HasPattern(*pool, Name(i), i, 3000));
  CHECK(pool->Delete(Name(0)).value().done);
  CHECK(Put(*pool, "new", 1, 3000));
  CHECK(pool->Put("large", std::vector<std::byte>(1 * kMiB)).status().code() == Code::kInvalid);
  const PoolCheck check = CheckPool(*file, nullptr);
  CHECK_MESSAGE(check.clean(), FindingsOf(check));
}

TEST_CASE("a full shard of the directory is told, and the value's room is free again") {
  const PoolPlaceForTest place;
  PoolFormat format = SmallPool();
  format.sizes.shards = 1;
  format.sizes.shard_slots = 8;
  const auto pool = JoinPool(MakePool(place, format));
  for (uint64_t i = 0; i < 8; ++i) CHECK(Put(*pool, Name(i), i, 64));
  for (uint64_t i = 0; i < 2000; ++i) {
    REQUIRE(pool->Put("one more", PatternFor(1, 64)).status().code() == Code::kFull);
  }
  CHECK(Put(*pool, Name(3), 99, 64));  // the key has its word
  CHECK(pool->Delete(Name(5)).value().done);
  CHECK(Put(*pool, "one more", 1, 64));
}

TEST_CASE("all memory is free again when everything is deleted and the members are gone") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, SmallPool());
  const uint64_t before = FreeExtents(file);
  {
    const auto a = JoinPool(file);
    const auto b = JoinPool(file);
    for (uint64_t i = 0; i < 60; ++i) CHECK(Put(i % 2 == 0 ? *a : *b, Name(i), i, 64 << (i % 7)));
    CHECK(Put(*a, "large", 1, 70000));
    for (uint64_t i = 0; i < 60; ++i) CHECK((i % 3 == 0 ? *a : *b).Delete(Name(i)).value().done);
    CHECK(b->Delete("large").value().done);
    a->Maintain();
    b->Maintain();
  }
  CHECK(FreeExtents(file) == before);
}

TEST_CASE("a member beyond its quota is refused while others have room") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, SmallPool());
  const auto small = JoinPool(file, {.quota_bytes = 32 * kKiB});
  const auto other = JoinPool(file);
  uint64_t stored = 0;
  while (Put(*small, Name(stored), stored, 1000)) ++stored;
  CHECK(stored > 10);
  CHECK(stored < 32);
  CHECK(small->Put("x", std::vector<std::byte>(1000)).status().code() == Code::kFull);
  CHECK(Put(*other, "y", 1, 1000));
}

TEST_CASE("a counter counts what all members add to it") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, SmallPool());
  const auto a = JoinPool(file);
  const auto b = JoinPool(file);
  CHECK(a->Add("hits", 5).value() == 5);
  CHECK(b->Add("hits", -7).value() == -2);
  CHECK(a->Add("hits", 0).value() == -2);
  CHECK(Put(*a, "text", 1, 8));
  CHECK(a->Add("text", 1).status().code() == Code::kInvalid);
  const Held held = b->Get("hits").value().value();
  CHECK(held.kind == ObjectKind::kCounter);
  b->Release(held);
}

TEST_CASE("a region is written in place and seen by others, and a draft by nobody") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, SmallPool());
  const auto a = JoinPool(file);
  const auto b = JoinPool(file);
  const Draft draft = a->Begin(100).value();
  std::memset(draft.payload.data(), 1, 100);
  CHECK_FALSE(b->Get("region").value().has_value());
  CHECK(a->Publish(draft, "region", ObjectKind::kRegion).value().done);
  const Held in_b = b->Get("region").value().value();
  in_b.payload[50] = std::byte{9};
  const Held in_a = a->Get("region").value().value();
  CHECK(in_a.payload[50] == std::byte{9});
  a->Release(in_a);
  b->Release(in_b);
  const Draft unused = a->Begin(100).value();
  a->Abandon(unused);
  CHECK(CheckPool(*file, nullptr).clean());
}

TEST_CASE("listing meets every object once, with its size and version") {
  const PoolPlaceForTest place;
  const auto pool = JoinPool(MakePool(place, SmallPool()));
  std::map<std::string, uint64_t> versions;
  for (uint64_t i = 0; i < 50; ++i) {
    versions[Name(i)] = pool->Put(Name(i), PatternFor(i, i)).value().version;
  }
  std::set<std::string> met;
  uint64_t position = 0;
  while (const std::optional<Listed> listed = pool->Next(position)) {
    CHECK(met.insert(listed->key).second);
    CHECK(versions.at(listed->key) == listed->version);
    CHECK(Name(listed->bytes) == listed->key);
  }
  CHECK(met.size() == 50);
  CHECK(pool->held() == 0);
}

TEST_CASE("a member can hold so many objects, each as often as it likes") {
  const PoolPlaceForTest place;
  const auto pool = JoinPool(MakePool(place, SmallPool()));
  std::vector<Held> held;
  for (uint64_t i = 0; i < 65; ++i) CHECK(Put(*pool, Name(i), i, 10));
  for (uint64_t i = 0; i < 64; ++i) held.push_back(pool->Get(Name(i)).value().value());
  for (uint64_t i = 0; i < 64; ++i) held.push_back(pool->Get(Name(i)).value().value());
  CHECK(pool->held() == 64);
  CHECK(pool->Get(Name(64)).status().code() == Code::kFull);
  for (const Held& object : held) pool->Release(object);
  CHECK(pool->held() == 0);
  CHECK(HasPattern(*pool, Name(64), 64, 10));
}

TEST_CASE("random changes by three members give what a map gives") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, SmallPool());
  std::vector<std::unique_ptr<Pool>> members;
  for (int i = 0; i < 3; ++i) members.push_back(JoinPool(file));
  std::map<std::string, std::pair<uint64_t, size_t>> model;
  std::mt19937_64 random(7);
  for (uint64_t step = 0; step < 30000; ++step) {
    Pool& pool = *members[random() % 3];
    const std::string key = Name(random() % 70);
    const uint64_t choice = random() % 10;
    if (choice < 5) {
      const size_t bytes = random() % (random() % 20 == 0 ? 40000 : 1500);
      if (Put(pool, key, step, bytes)) model[key] = {step, bytes};
    } else if (choice < 7) {
      REQUIRE(pool.Delete(key).value().done == (model.erase(key) == 1));
    } else if (model.contains(key)) {
      REQUIRE(HasPattern(pool, key, model[key].first, model[key].second));
    } else {
      REQUIRE_FALSE(pool.Get(key).value().has_value());
    }
    if (step % 1000 == 0 && random() % 2 == 0) members[random() % 3] = JoinPool(file);
  }
  const PoolCheck check = CheckPool(*file, nullptr);
  CHECK_MESSAGE(check.clean(), FindingsOf(check));
  CHECK(check.objects == model.size());
  CHECK(check.held == 0);
}

TEST_CASE("software coherence does the same with lines written back and dropped") {
  const PoolPlaceForTest place;
  PoolFormat format = SmallPool();
  format.coherence = PoolCoherence::kSoftware;
  const auto file = MakePool(place, format);
  const auto a = JoinPool(file);
  const auto b = JoinPool(file);
  for (uint64_t i = 0; i < 500; ++i) {
    const std::string key = Name(i % 20);
    REQUIRE(Put(i % 2 == 0 ? *a : *b, key, i, 10 + i));
    REQUIRE(HasPattern(i % 3 == 0 ? *a : *b, key, i, 10 + i));
  }
  CHECK(CheckPool(*file, nullptr).clean());
}

TEST_CASE("a value with a flipped bit is told and never returned") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, SmallPool());
  const auto pool = JoinPool(file);
  REQUIRE(Put(*pool, "k", 1, 1000));
  const Held held = pool->Get("k").value().value();
  held.payload[500] ^= std::byte{4};
  pool->Release(held);
  const auto other = JoinPool(file);
  CHECK(other->Get("k").status().code() == Code::kLost);
  CHECK_FALSE(CheckPool(*file, nullptr).clean());
  CHECK(Put(*other, "k", 2, 1000));
  CHECK(HasPattern(*pool, "k", 2, 1000));
}

}  // namespace memtiers
