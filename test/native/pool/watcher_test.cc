#include "pool/watcher.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <mutex>
#include <thread>

#include "crash_values.h"
#include "pool/notice.h"
#include "pool_place.h"

namespace memtiers {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr auto kLong = std::chrono::seconds(10);
constexpr auto kNever = std::chrono::hours(1);

// Counts the calls for every watch.
class Calls {
 public:
  PoolWatcher::Changed Counter() {
    return [this](uint64_t watch) { ++calls_[watch % calls_.size()]; };
  }
  uint64_t Of(uint64_t watch) const { return calls_[watch % calls_.size()]; }
  bool ReachWithin(uint64_t watch, uint64_t calls, steady_clock::duration time) const {
    const auto until = steady_clock::now() + time;
    while (Of(watch) < calls) {
      if (steady_clock::now() > until) return false;
      std::this_thread::sleep_for(milliseconds(1));
    }
    return true;
  }

 private:
  std::array<std::atomic<uint64_t>, 64> calls_{};
};

std::unique_ptr<PoolWatcher> StartOn(const std::shared_ptr<const PoolFile>& file, Calls& calls,
                                     const WatchPace& pace) {
  Result<std::unique_ptr<PoolWatcher>> watcher = PoolWatcher::Start(calls.Counter(), pace);
  REQUIRE(watcher.ok());
  watcher.value()->SetFiles({file});
  return std::move(watcher.value());
}

// Polls far too seldom to be what tells.
constexpr WatchPace kOnlyWoken{.poll = kNever, .poll_alone = kNever};

}  // namespace

TEST_CASE("who watches a key is told by whichever process changes it, and of no other key") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, SmallPool());
  Calls calls;
  const auto watcher = StartOn(file, calls, kOnlyWoken);
  const uint64_t key = watcher->Watch("key");
  const uint64_t other = watcher->Watch("other");
  AsMemberWhoDies(file, [](Pool& pool) { (void)pool.Put("key", PatternFor(1, 100)); });
  CHECK(calls.ReachWithin(key, 1, kLong));
  AsMemberWhoDies(file, [](Pool& pool) { (void)pool.Delete("key"); });
  CHECK(calls.ReachWithin(key, 2, kLong));
  CHECK(calls.Of(other) == 0);
  watcher->Unwatch(key);
  AsMemberWhoDies(file, [](Pool& pool) {
    (void)pool.Put("key", PatternFor(2, 100));
    (void)pool.Put("other", PatternFor(3, 100));
  });
  CHECK(calls.ReachWithin(other, 1, kLong));
  CHECK(calls.Of(key) == 2);
}

TEST_CASE("of many changes the last is always told") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, SmallPool());
  const auto reader = JoinPool(file);
  std::atomic<uint64_t> seen = 0;
  std::mutex mutex;
  const Result<std::unique_ptr<PoolWatcher>> watcher = PoolWatcher::Start(
      [&](uint64_t /*watch*/) {
        const std::lock_guard guard(mutex);
        const Result<std::optional<Held>> held = reader->Get("key");
        if (!held.ok() || !held.value().has_value()) return;
        seen = held.value()->version;
        reader->Release(*held.value());
      },
      kOnlyWoken);
  REQUIRE(watcher.ok());
  watcher.value()->SetFiles({file});
  watcher.value()->Watch("key");
  const auto writer = JoinPool(file);
  for (int round = 0; round < 300; ++round) {
    uint64_t version = 0;
    for (int i = 0; i < 1 + round % 7; ++i) {
      version = writer->Put("key", PatternFor(i, 60)).value().version;
    }
    const auto until = steady_clock::now() + kLong;
    while (seen != version && steady_clock::now() < until) std::this_thread::yield();
    REQUIRE(seen == version);
  }
}

TEST_CASE("nobody pays for the bell where nobody watches") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, SmallPool());
  const auto pool = JoinPool(file);
  for (int i = 0; i < 100; ++i) (void)pool->Put("key", PatternFor(i, 60));
  CHECK(file->memory().Bell().load() == 0);
  const uint32_t shard = file->memory().ShardOf(file->memory().Hash("key"));
  AskForBell(file->memory(), shard);
  for (int i = 0; i < 100; ++i) (void)pool->Put("key", PatternFor(i, 60));
  CHECK(file->memory().Bell().load() == 1);
  CHECK(file->memory().ShardSequence(shard).load() == 200);
}

TEST_CASE("a watcher that is killed costs the next change one ring, and nobody anything else") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, SmallPool());
  const pid_t child = fork();
  if (child == 0) {
    auto watcher = PoolWatcher::Start([](uint64_t /*watch*/) {}, kOnlyWoken);
    if (!watcher.ok()) _exit(1);
    watcher.value()->SetFiles({file});
    watcher.value()->Watch("key");
    std::this_thread::sleep_for(kLong);
    _exit(2);
  }
  const uint32_t shard = file->memory().ShardOf(file->memory().Hash("key"));
  while (file->memory().ShardWatched(shard).load() == 0) std::this_thread::yield();
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  Calls calls;
  const auto watcher = StartOn(file, calls, kOnlyWoken);
  const uint64_t key = watcher->Watch("key");
  const auto pool = JoinPool(file);
  (void)pool->Put("key", PatternFor(1, 60));
  CHECK(calls.ReachWithin(key, 1, kLong));
  const PoolCheck check = CheckPool(*file, nullptr);
  CHECK_MESSAGE(check.clean(), FindingsOf(check));
}

TEST_CASE("of a change whose author was killed before he rang, watchers hear when they next look") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, SmallPool());
  AsMemberWhoDies(file, [](Pool& pool) { (void)pool.Put("key", PatternFor(1, 60)); });
  Calls calls;
  const auto watcher = StartOn(file, calls, {.poll = milliseconds(20), .poll_alone = kNever});
  const uint64_t key = watcher->Watch("key");
  // As he would leave it: the word is stored, the sequence as it was, the lock his.
  AsMemberWhoDies(file, [](Pool& pool) {
    Shards shards(pool.membership(), std::chrono::seconds(1));
    const uint64_t hash = pool.memory().Hash("key");
    if (!shards.Lock(pool.memory().ShardOf(hash)).ok()) _exit(1);
    pool.memory().Directory(*shards.Find("key", hash).position).store(kTombWord);
  });
  CHECK(calls.ReachWithin(key, 1, kLong));
}

TEST_CASE("whoever recovers a dead writer rings for him") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, SmallPool());
  AsMemberWhoDies(file, [](Pool& pool) { (void)pool.Put("key", PatternFor(1, 60)); });
  Calls calls;
  const auto watcher = StartOn(file, calls, kOnlyWoken);
  const uint64_t key = watcher->Watch("key");
  const uint32_t shard = file->memory().ShardOf(file->memory().Hash("key"));
  AsMemberWhoDies(file, [](Pool& pool) {
    Shards shards(pool.membership(), std::chrono::seconds(1));
    const uint64_t hash = pool.memory().Hash("key");
    const uint32_t locked = pool.memory().ShardOf(hash);
    // Only after the watcher has asked: else it may see the change by itself.
    while (pool.memory().ShardWatched(locked).load() == 0) std::this_thread::yield();
    if (!shards.Lock(locked).ok()) _exit(1);
    pool.memory().Directory(*shards.Find("key", hash).position).store(kTombWord);
  });
  const uint32_t before = file->memory().ShardSequence(shard).load();
  const auto survivor = JoinPool(file);
  CHECK(file->memory().ShardSequence(shard).load() > before);
  CHECK(calls.ReachWithin(key, 1, kLong));
}

TEST_CASE("a watcher goes at once, also from under changes and while it has nothing to do") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, SmallPool());
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    const auto pool = Pool::Join(file);
    while (!stop && pool.ok()) (void)pool.value()->Put("key", PatternFor(1, 60));
  });
  for (int i = 0; i < 50; ++i) {
    Calls calls;
    const auto begin = steady_clock::now();
    {
      const auto watcher = StartOn(file, calls, kOnlyWoken);
      if (i % 2 == 0) watcher->Watch("key");
      if (i % 3 == 0) std::this_thread::sleep_for(milliseconds(1));
    }
    CHECK(steady_clock::now() - begin < kLong);
  }
  stop = true;
  writer.join();
}

TEST_CASE("a watcher of a pool that is open read-only stores nothing, and is told all the same") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, SmallPool());
  const auto pool = JoinPool(file);
  const auto read_only = PoolFile::Open(place.place(), true);
  REQUIRE(read_only.ok());
  Calls calls;
  const auto watcher =
      StartOn(read_only.value(), calls, {.poll = milliseconds(5), .poll_alone = milliseconds(5)});
  const uint64_t key = watcher->Watch("key");
  (void)pool->Put("key", PatternFor(1, 60));
  CHECK(calls.ReachWithin(key, 1, kLong));
  const uint32_t shard = file->memory().ShardOf(file->memory().Hash("key"));
  CHECK(file->memory().ShardWatched(shard).load() == 0);
}

TEST_CASE("a key that got the same word again is told by how much its shard has changed") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, SmallPool());
  const uint64_t hash = file->memory().Hash("key");
  const uint32_t shard = file->memory().ShardOf(hash);
  const KeyTrace before = KeyTrace::Of(file->memory(), hash);
  file->memory().ShardSequence(shard).fetch_add(2047);
  CHECK_FALSE(KeyTrace::Of(file->memory(), hash).DiffersFrom(before));
  file->memory().ShardSequence(shard).fetch_add(1);
  CHECK(KeyTrace::Of(file->memory(), hash).DiffersFrom(before));
}

}  // namespace memtiers
