// Threads of one process as members of one pool. With the thread sanitizer this is where it would
// see what members of several processes do to each other: it tells memory by its address, so the
// members have to share a mapping.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <random>
#include <thread>

#include "pool/pool_set.h"
#include "pool/watcher.h"
#include "pool_place.h"
#include "set_place.h"

namespace memtiers {
namespace {

constexpr uint64_t kKeys = 24;
// Beside the workers: others come and go.
constexpr uint32_t kMembers = 24;

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
constexpr auto kLongest = std::chrono::seconds(20);

std::string KeyOf(uint64_t number) { return "key " + std::to_string(number % kKeys); }

// A value tells its key, so that one of another key is seen; and one in 40 takes extents of its
// own.
std::vector<std::byte> ValueOfKey(uint64_t number, uint64_t turn) {
  const uint64_t key = number % kKeys;
  const size_t bytes = turn % 40 == 0 ? 20000 + key : 20 + 37 * key + turn % 300;
  std::vector<std::byte> value(bytes, static_cast<std::byte>(turn));
  value.front() = static_cast<std::byte>(key);
  return value;
}

bool IsWhole(std::span<const std::byte> value, uint64_t number) {
  return value.size() > 1 && value.front() == static_cast<std::byte>(number % kKeys) &&
         std::all_of(value.begin() + 1, value.end(), [&](std::byte b) { return b == value[1]; });
}

// What all threads have done, and the first thing that was wrong.
class Tally {
 public:
  std::atomic<uint64_t> put, read, held, deleted, abandoned, full, joined, maintained, checked,
      told;
  std::atomic<int64_t> added;

  void Wrong(const std::string& what) {
    const std::lock_guard guard(mutex_);
    if (first_.empty()) first_ = what;
  }
  // A pool that is full now and then is no mistake.
  bool Accept(const Status& status) {
    if (status.ok()) return true;
    if (status.code() != Code::kFull) Wrong(std::string(CodeName(status.code())) + status.what());
    ++full;
    return false;
  }
  std::string first() const {
    const std::lock_guard guard(mutex_);
    return first_;
  }

 private:
  mutable std::mutex mutex_;
  std::string first_;
};

// A few steps of a member: of a Pool or a PoolSet, which have the same words for them.
template <typename Member, typename Object>
class Worker {
 public:
  Worker(Member& member, Tally& tally, uint64_t seed)
      : member_(&member), tally_(&tally), random_(seed) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    while (!held_.empty()) LetGo();
  }

  void Step() {
    const uint64_t number = random_();
    const uint64_t choice = random_() % 16;
    if (choice < 5) {
      const Result<Changed> changed = member_->Put(KeyOf(number), ValueOfKey(number, random_()));
      if (tally_->Accept(changed.status())) ++tally_->put;
    } else if (choice < 7) {
      const Result<Changed> changed = member_->Delete(KeyOf(number));
      if (tally_->Accept(changed.status()) && changed.value().done) ++tally_->deleted;
    } else if (choice < 12) {
      Read(number);
    } else if (choice == 12) {
      const Result<int64_t> sum = member_->Add("count", 1);
      if (tally_->Accept(sum.status())) ++tally_->added;
    } else if (choice == 13) {
      // Somebody else has changed it since, or not: both are answers.
      const Result<Changed> changed =
          member_->Put(KeyOf(number), ValueOfKey(number, random_()), random_() % 50);
      if (tally_->Accept(changed.status())) ++tally_->put;
    } else if (choice == 14) {
      uint64_t position = random_() % 64;
      for (int i = 0; i < 5; ++i) {
        if (!member_->Next(position).has_value()) break;
      }
    } else {
      LetGo();
    }
  }

 private:
  struct Kept {
    Object held;
    uint64_t number;
  };

  void Read(uint64_t number) {
    const auto got = member_->Get(KeyOf(number));
    if (!tally_->Accept(got.status())) {
      LetGo();
      return;
    }
    if (!got.value().has_value()) return;
    if (!IsWhole(got.value()->payload, number)) tally_->Wrong("a torn value");
    ++tally_->read;
    held_.push_back({*got.value(), number});
    if (held_.size() > 5) LetGo();
  }

  // What was kept is looked at once more: others have put and deleted since.
  void LetGo() {
    if (held_.empty()) return;
    const size_t at = random_() % held_.size();
    const Kept kept = held_[at];
    if (!IsWhole(kept.held.payload, kept.number)) tally_->Wrong("a value that changed");
    member_->Release(kept.held);
    held_.erase(held_.begin() + static_cast<ptrdiff_t>(at));
    ++tally_->held;
  }

  Member* member_;
  Tally* tally_;
  std::mt19937_64 random_;
  std::vector<Kept> held_;
};

using Counters = std::vector<const std::atomic<uint64_t>*>;

Counters CountersOf(const Tally& tally) {
  return {&tally.put,    &tally.read,       &tally.held,    &tally.deleted,
          &tally.joined, &tally.maintained, &tally.checked, &tally.told};
}

// Whether threads are to live once more: some times, and until all others have had their turn where
// there are few CPUs.
bool LivesOn(uint64_t life, uint64_t usual, const Counters& counters, TimePoint end) {
  if (life < usual) return true;
  const auto happened = [](const std::atomic<uint64_t>* counter) { return *counter > 0; };
  return !std::ranges::all_of(counters, happened) && Clock::now() < end;
}

void ExpectAllHappened(const Tally& tally, const Counters& counters) {
  CHECK_MESSAGE(tally.first().empty(), tally.first());
  for (size_t i = 0; i < counters.size(); ++i) CHECK_MESSAGE(*counters[i] > 0, "counter ", i);
}

}  // namespace

TEST_CASE("threads put, hold, delete, watch, check and leave one pool at once") {
  const PoolPlaceForTest place;
  PoolFormat format = SmallPool();
  format.sizes.capacity_bytes = kMiB;
  format.sizes.members = kMembers;
  const auto file = MakePool(place, format);
  Tally tally{};
  Counters counters = CountersOf(tally);
  counters.push_back(&tally.abandoned);
  const TimePoint end = Clock::now() + kLongest;
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (uint64_t thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&, thread] {
      for (uint64_t life = 0; LivesOn(life, 8, counters, end); ++life) {
        const Result<std::unique_ptr<Pool>> pool = Pool::Join(file);
        if (!tally.Accept(pool.status())) return;
        ++tally.joined;
        Worker<Pool, Held> worker(*pool.value(), tally, thread * 100 + life);
        for (int step = 0; step < 300; ++step) worker.Step();
      }
    });
  }
  std::thread caretaker([&] {
    const auto pool = Pool::Join(file);
    while (!stop && tally.Accept(pool.status())) {
      if (pool.value()->Maintain() > 0) tally.Wrong("somebody is dead");
      ++tally.maintained;
      const PoolCheck check = pool.value()->Check();
      if (!check.clean()) tally.Wrong(FindingsOf(check));
      ++tally.checked;
      const Result<Draft> draft = pool.value()->Begin(2000);
      if (!draft.ok()) continue;
      const bool room = pool.value()->MayHaveRoom(file->memory().Hash(KeyOf(tally.checked)));
      if (!room) tally.Wrong("a directory without room");
      std::ranges::fill(draft.value().payload, std::byte{7});
      pool.value()->Abandon(draft.value());
      ++tally.abandoned;
    }
  });
  std::thread watcher([&] {
    auto started = PoolWatcher::Start([&](uint64_t /*watch*/) { ++tally.told; });
    if (!tally.Accept(started.status())) return;
    started.value()->SetFiles({file});
    while (!stop) {
      std::array<uint64_t, 4> watches{};
      for (uint64_t i = 0; i < watches.size(); ++i) watches[i] = started.value()->Watch(KeyOf(i));
      std::this_thread::sleep_for(std::chrono::milliseconds(3));
      for (const uint64_t watch : watches) started.value()->Unwatch(watch);
    }
  });
  for (std::thread& thread : threads) thread.join();
  stop = true;
  caretaker.join();
  watcher.join();
  ExpectAllHappened(tally, counters);
  const auto last = JoinPool(file);
  CHECK(last->Add("count", 0).value() == tally.added);
  last->Maintain();
  const PoolCheck check = CheckPool(*file, nullptr);
  CHECK_MESSAGE(check.clean(), FindingsOf(check));
  CHECK(check.members == 1);
  CHECK(check.held == 0);
}

TEST_CASE("threads with a set each use, scrub, repair and extend one pool at once") {
  SetPlaces places(3);
  const std::vector<PoolDevice> all = places.Devices();
  PoolSetFormat format = SmallSet(2);
  format.sizes.capacity_bytes = kMiB;
  format.sizes.members = kMembers;
  const auto first = MakeSet({all[0], all[1]}, format);
  const auto files = first->Files();
  Tally tally{};
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> busy = 0;
  std::atomic<uint64_t> copied = 0;
  Counters counters = CountersOf(tally);
  counters.insert(counters.end(), {&busy, &copied});
  const TimePoint end = Clock::now() + kLongest;
  std::vector<std::thread> threads;
  for (uint64_t thread = 0; thread < 2; ++thread) {
    threads.emplace_back([&, thread] {
      for (uint64_t life = 0; LivesOn(life, 5, counters, end); ++life) {
        const Result<std::unique_ptr<PoolSet>> set = PoolSet::Open({all[0]});
        if (!tally.Accept(set.status())) return;
        ++tally.joined;
        Worker<PoolSet, SetHeld> worker(*set.value(), tally, thread * 100 + life);
        for (int step = 0; step < 200; ++step) worker.Step();
      }
    });
  }
  std::thread caretaker([&] {
    const Result<std::unique_ptr<PoolSet>> set = PoolSet::Open({all[0]});
    while (!stop && tally.Accept(set.status())) {
      if (set.value()->Maintain() > 0) tally.Wrong("somebody is dead");
      ++tally.maintained;
      const Result<SetScrub> scrub = set.value()->Scrub();
      if (tally.Accept(scrub.status()) && scrub.value().lost > 0) tally.Wrong("a lost value");
      const Result<SetCheck> check = set.value()->Check();
      if (tally.Accept(check.status()) && !check.value().clean()) {
        tally.Wrong(FindingsOf(check.value()));
      }
      ++tally.checked;
      // Others live, so it changes nothing.
      if (set.value()->Repair().status().code() == Code::kBusy) ++busy;
    }
  });
  std::thread reader([&] {
    const Result<std::unique_ptr<PoolSet>> set = PoolSet::Open({all[0]}, {.read_only = true});
    for (uint64_t number = 0; !stop && tally.Accept(set.status()); ++number) {
      const Result<std::optional<SetHeld>> got = set.value()->Get(KeyOf(number));
      // It is no member, so it may find that a key changes too fast.
      if (!got.ok() && got.status().code() == Code::kBusy) continue;
      if (!tally.Accept(got.status()) || !got.value().has_value()) continue;
      if (!IsWhole(got.value()->payload, number)) tally.Wrong("a torn copy");
      ++copied;
    }
  });
  std::thread watcher([&] {
    auto started = PoolWatcher::Start([&](uint64_t /*watch*/) { ++tally.told; });
    if (!tally.Accept(started.status())) return;
    started.value()->SetFiles(files);
    for (uint64_t i = 0; i < 4; ++i) started.value()->Watch(KeyOf(i));
    while (!stop) std::this_thread::sleep_for(std::chrono::milliseconds(3));
  });
  const Status extended = first->AddDevice(all[2]);
  CHECK_MESSAGE(extended.ok(), extended.what());
  for (std::thread& thread : threads) thread.join();
  stop = true;
  caretaker.join();
  reader.join();
  watcher.join();
  ExpectAllHappened(tally, counters);
  CHECK(first->Add("count", 0).value() == tally.added);
  const Result<SetRepair> repair = first->Repair();
  REQUIRE_MESSAGE(repair.ok(), repair.status().what());
  CHECK(repair.value().mended == 0);
  CHECK(repair.value().lost == 0);
  CHECK_MESSAGE(repair.value().check.clean(), FindingsOf(repair.value().check));
  CHECK(repair.value().check.missing_copies == 0);
  CHECK(repair.value().check.unequal_copies == 0);
}

}  // namespace memtiers
