#include "pool/membership.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>
#include <thread>

#include "crash_values.h"
#include "pool/check.h"
#include "pool_place.h"
#include "sys/backing_file.h"

namespace memtiers {

TEST_CASE("a pool has so many members and no more, and their places are used again") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, SmallPool());
  std::vector<std::unique_ptr<Pool>> members;
  for (int i = 0; i < 8; ++i) members.push_back(JoinPool(file));
  CHECK(Pool::Join(file).status().code() == Code::kFull);
  const uint64_t generation = members[3]->membership().generation();
  members[3].reset();
  const auto next = JoinPool(file);
  CHECK(next->membership().index() == 3);
  CHECK(next->membership().generation() > generation);
}

TEST_CASE("the dead are recovered by whoever joins, and the living by nobody") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, SmallPool());
  const auto living = JoinPool(file);
  REQUIRE(living->Put("of the living", PatternFor(1, 100)).ok());
  const Held held = living->Get("of the living").value().value();
  AsMemberWhoDies(file, [](Pool& pool) {
    for (int i = 0; i < 20; ++i) {
      (void)pool.Put("of the dead " + std::to_string(i), PatternFor(9, 100));
    }
    (void)pool.Get("of the living");
  });
  CHECK(CheckPool(*file, nullptr).members == 2);
  CHECK(CheckPool(*file, nullptr).held == 2);
  const auto other = JoinPool(file);
  const PoolCheck check = CheckPool(*file, nullptr);
  CHECK(check.members == 2);
  CHECK(check.held == 1);
  CHECK(check.objects == 21);
  CHECK(other->membership().RecoverDead() == 0);
  CHECK(living->membership().Current());
  living->Release(held);
}

TEST_CASE("a lock of the dead is taken from them, and one of the stopped is waited for in vain") {
  const PoolPlaceForTest place;
  PoolFormat format = SmallPool();
  format.sizes.shards = 1;
  const auto file = MakePool(place, format);
  const auto living = JoinPool(file, {.patience = std::chrono::milliseconds(30)});
  REQUIRE(living->Put("k", PatternFor(1, 100)).ok());
  const pid_t child = fork();
  if (child == 0) {
    const Result<std::unique_ptr<Pool>> pool = Pool::Join(file);
    if (!pool.ok()) _exit(1);
    Shards shards(pool.value()->membership(), std::chrono::seconds(1));
    if (!shards.Lock(0).ok()) _exit(2);
    raise(SIGSTOP);
    _exit(3);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, WUNTRACED) == child);
  REQUIRE(WIFSTOPPED(status));
  CHECK(living->Put("k", PatternFor(2, 100)).status().code() == Code::kBusy);
  const Held held = living->Get("k").value().value();  // readers wait for nobody
  living->Release(held);
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  CHECK(living->Put("k", PatternFor(2, 100)).ok());
  CHECK(living->Put("k", PatternFor(3, 100)).ok());
}

TEST_CASE("a member that was declared dead finds out and changes nothing more") {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, SmallPool());
  const auto stale = JoinPool(file);
  REQUIRE(stale->Put("k", PatternFor(1, 100)).ok());
  MemberWord word = MemberWord::Unpack(file->memory().MemberStateWord(0).load());
  word.generation += 1;
  file->memory().MemberStateWord(0).store(word.Pack());
  CHECK_FALSE(stale->membership().Current());
  CHECK(stale->Put("k", PatternFor(2, 100)).status().code() == Code::kClosed);
  CHECK(stale->Delete("k").status().code() == Code::kClosed);
}

TEST_CASE("members of a device with different lock files do not meet") {
  const PoolPlaceForTest place;
  const PoolPlaceForTest lock_a;
  const PoolPlaceForTest lock_b;
  const Result<std::shared_ptr<const PoolFile>> a =
      PoolFile::Create({.path = place.path(), .lock_path = lock_a.path()}, SmallPool());
  REQUIRE(a.ok());
  const auto b = PoolFile::Open({.path = place.path(), .lock_path = lock_b.path()}).value();
  auto member = JoinPool(a.value());
  CHECK(Pool::Join(b).status().code() == Code::kBusy);
  member.reset();
  CHECK(Pool::Join(b).ok());
}

TEST_CASE("members of another boot are left alone until their host is declared gone") {
  const PoolPlaceForTest place;
  const PoolPlaceForTest lock;
  const auto file =
      PoolFile::Create({.path = place.path(), .lock_path = lock.path()}, SmallPool()).value();
  constexpr uint64_t kElsewhere = 12345;
  AsMemberWhoDies(file, [](Pool& pool) {
    (void)pool.Put("k", PatternFor(1, 100));
    pool.memory().Member(pool.membership().index()).boot = kElsewhere;
  });
  const auto here = JoinPool(file);
  CHECK(here->membership().index() == 1);
  CHECK(here->membership().RecoverDead() == 0);
  CHECK(here->membership().ReclaimBoot(kElsewhere) == 1);
  CHECK(CheckPool(*file, nullptr).members == 1);
  CHECK(here->Get("k").value().has_value());
}

TEST_CASE("threads that are members each go on at once") {
  const PoolPlaceForTest place;
  PoolFormat format = SmallPool();
  format.sizes.capacity_bytes = 2 * kMiB;
  const auto file = MakePool(place, format);
  std::atomic<uint64_t> bad = 0;
  std::atomic<uint64_t> read = 0;
  std::vector<std::thread> threads;
  for (uint64_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      const Result<std::unique_ptr<Pool>> joined = Pool::Join(file);
      if (!joined.ok()) return void(++bad);
      Pool& pool = *joined.value();
      std::mt19937_64 random(thread);
      for (uint64_t step = 0; step < 3000; ++step) {
        const uint64_t number = random() % 30;
        const std::string key = "key " + std::to_string(number);
        const uint64_t choice = random() % 8;
        if (choice < 3) {
          const Result<Changed> put = pool.Put(key, PatternFor(number, 50 + number * 20));
          if (!put.ok() && put.status().code() != Code::kFull) ++bad;
        } else if (choice < 5) {
          if (!pool.Delete(key).ok()) ++bad;
        } else if (choice < 7) {
          const Result<std::optional<Held>> held = pool.Get(key);
          if (!held.ok()) return void(++bad);
          if (!held.value().has_value()) continue;
          if (!std::ranges::equal(held.value()->payload, PatternFor(number, 50 + number * 20))) {
            ++bad;
          }
          pool.Release(*held.value());
          ++read;
        } else if (!pool.Add("count", 1).ok()) {
          ++bad;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(bad == 0);
  CHECK(read > 100);
  const PoolCheck check = CheckPool(*file, nullptr);
  CHECK_MESSAGE(check.clean(), FindingsOf(check));
  CHECK(check.held == 0);
}

}  // namespace memtiers
