#include "pool/lease.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <csignal>
#include <random>
#include <thread>

#include "pool/recovery.h"
#include "sys/boot_clock.h"
#include "two_hosts.h"

namespace memtiers {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr auto kLong = std::chrono::seconds(20);
constexpr LeaseTerms kShort{.length = milliseconds(300), .takeover = PoolTakeover::kLease};
constexpr LeaseTerms kShortest{.length = milliseconds(100), .takeover = PoolTakeover::kLease};
// Of who takes over, and must not lose his own lease where the machine stands still for a moment.
constexpr LeaseTerms kPatient{.length = std::chrono::minutes(5), .takeover = PoolTakeover::kLease};
constexpr LeaseTerms kShortAndManual{.length = milliseconds(300),
                                     .takeover = PoolTakeover::kManual};

bool Refused(const Status& status) { return status.code() == Code::kClosed; }

}  // namespace

TEST_CASE(
    "a silent member of another host is suspect, and nobody's to recover before he is declared "
    "gone") {
  TwoHosts hosts;
  const auto pool = hosts.JoinHere(kPatient);
  hosts.Elsewhere([](const auto& file, Told& told) {
    const auto own = Pool::Join(file, {.lease = kShortAndManual});
    if (!own.ok() || !own.value()->Put("k", PatternFor(1, 60)).ok()) return 1;
    told.step = static_cast<int>(own.value()->membership().index());
    for (;;) pause();
  });
  REQUIRE(Within(kLong, [&] { return hosts.told().step != 0; }));
  const auto member = static_cast<uint32_t>(hosts.told().step.load());
  // His heart beats, however long he does nothing.
  std::this_thread::sleep_for(milliseconds(400));
  CHECK(Within(kLong, [&] { return !pool->membership().Suspect(member); }));
  hosts.Send(SIGSTOP);
  CHECK(Within(kLong, [&] { return pool->membership().Suspect(member); }));
  std::this_thread::sleep_for(milliseconds(400));
  CHECK(pool->membership().RecoverDead() == 0);
  hosts.Send(SIGCONT);
  CHECK(Within(kLong, [&] { return !pool->membership().Suspect(member); }));
  hosts.End(SIGKILL);
  CHECK(Within(kLong, [&] { return pool->membership().Suspect(member); }));
  CHECK(pool->membership().RecoverDead() == 0);
  CHECK(pool->membership().ReclaimBoot(TwoHosts::kElsewhere) == 1);
  CHECK_FALSE(pool->membership().Suspect(member));
  const PoolCheck check = CheckPool(pool->membership().file(), nullptr);
  CHECK_MESSAGE(check.clean(), FindingsOf(check));
  CHECK(check.members == 1);
}

TEST_CASE("where leases decide, who was killed elsewhere with a lock is taken over from in time") {
  TwoHosts hosts;
  const auto pool = hosts.JoinHere(kPatient);
  hosts.Elsewhere([](const auto& file, Told& told) {
    const auto own = Pool::Join(file, {.lease = kShort});
    if (!own.ok() || !own.value()->Put("k", PatternFor(1, 60)).ok()) return 1;
    Shards shards(own.value()->membership(), std::chrono::seconds(1));
    if (!shards.Lock(0).ok() || !shards.Lock(1).ok()) return 2;
    told.step = 1;
    for (;;) pause();
  });
  REQUIRE(Within(kLong, [&] { return hosts.told().step == 1; }));
  hosts.End(SIGKILL);
  const nanoseconds killed = TimeSinceBoot();
  const Result<Changed> changed = pool->Put("k", PatternFor(2, 60));
  const nanoseconds took = TimeSinceBoot() - killed;
  CHECK_MESSAGE(changed.ok(), changed.status().what());
  // He may have renewed up to a third of his lease before he was killed.
  CHECK(took > kShort.length - kShort.length / 3);
  MESSAGE("taken over ", took / milliseconds(1), " ms after the death; the lease is ",
          kShort.length.count(), " ms");
  CHECK(CheckPool(pool->membership().file(), nullptr).members == 1);
}

TEST_CASE("who was stopped for longer than his lease changes nothing more, and joins anew") {
  TwoHosts hosts;
  const auto pool = hosts.JoinHere(kPatient);
  REQUIRE(pool->Put("k", PatternFor(1, 60)).ok());
  hosts.Elsewhere([](const auto& file, Told& told) {
    const auto joined = Pool::Join(file, {.lease = kShort});
    if (!joined.ok()) return 1;
    Pool& own = *joined.value();
    const Result<Draft> draft = own.Begin(60);
    const Result<std::optional<Held>> held = own.Get("k");
    Shards shards(own.membership(), std::chrono::seconds(1));
    if (!draft.ok() || !held.ok() || !shards.Lock(0).ok()) return 2;
    const uint64_t generation = own.membership().generation();
    raise(SIGSTOP);
    const std::vector<std::byte> value = PatternFor(9, 60);
    if (!Refused(shards.Lock(1)) || !Refused(own.membership().CheckCurrent())) ++told.wrong;
    if (!Refused(own.Put("k", value).status())) ++told.wrong;
    if (!Refused(own.Publish(draft.value(), "k", ObjectKind::kValue).status())) ++told.wrong;
    if (!Refused(own.Delete("k").status())) ++told.wrong;
    if (!Refused(own.Add("count", 1).status())) ++told.wrong;
    if (!Refused(own.Begin(60).status())) ++told.wrong;
    if (!Refused(own.Get("k").status())) ++told.wrong;
    shards.Unlock(0);  // it is not his any more
    const auto again = Pool::Join(file, {.lease = kShort});
    if (!again.ok() || !again.value()->Put("k", PatternFor(3, 60)).ok()) ++told.wrong;
    const Membership& self = again.value()->membership();
    if (self.index() == own.membership().index() && self.generation() <= generation) ++told.wrong;
    told.step = 1;
    return 0;
  });
  hosts.AwaitStop();
  CHECK(Within(kLong, [&] { return pool->membership().RecoverDead() == 1; }));
  CHECK(pool->Put("k", PatternFor(2, 60)).ok());
  hosts.Send(SIGCONT);
  CHECK(hosts.End(0) == 0);
  CHECK(hosts.told().step == 1);
  CHECK(hosts.told().wrong == 0);
  const Held held = pool->Get("k").value().value();
  CHECK(std::ranges::equal(held.payload, PatternFor(3, 60)));
  pool->Release(held);
}

TEST_CASE("nobody is taken over from who still thinks that he may change something") {
  TwoHosts hosts;
  const auto pool = hosts.JoinHere(kPatient);
  hosts.Elsewhere([](const auto& file, Told& told) {
    for (;;) {
      const auto own = Pool::Join(file, {.lease = kShortest});
      if (!own.ok()) return 1;
      const Membership& self = own.value()->membership();
      told.member = self.index();
      told.generation = self.generation();
      for (;;) {
        const nanoseconds now = TimeSinceBoot();
        if (!self.Current()) break;
        told.last_current_ns = now.count();
        ++told.work;
      }
      told.generation = 0;
      told.fenced_after_ns = told.last_current_ns.load();
      ++told.step;
    }
  });
  // He may have lost his lease for want of a CPU before he was stopped, and be another one already.
  const auto taken_over = [&](uint32_t member, uint64_t generation) {
    const MemberWord word = MemberWord::Unpack(pool->memory().MemberStateWord(member).load());
    return word.generation != generation || word.state == MemberState::kFree;
  };
  std::mt19937_64 random(1);
  int reclaimed = 0;
  int early = 0;
  // Sometimes stopped for less than the lease, sometimes for more.
  const nanoseconds end = TimeSinceBoot() + kLong;
  for (int round = 0; (round < 25 || reclaimed <= 3) && TimeSinceBoot() < end; ++round) {
    const uint64_t work = hosts.told().work;
    REQUIRE(Within(kLong, [&] { return hosts.told().work > work; }));
    hosts.Send(SIGSTOP);
    hosts.AwaitStop();
    const int times = hosts.told().step;
    const uint32_t member = hosts.told().member;
    const uint64_t generation = hosts.told().generation;
    const nanoseconds until = TimeSinceBoot() + milliseconds(random() % 400);
    nanoseconds taken{0};
    while (TimeSinceBoot() < until && taken == nanoseconds(0) && generation != 0) {
      const nanoseconds before = TimeSinceBoot();
      (void)pool->membership().RecoverDead();
      if (taken_over(member, generation)) taken = before;
      std::this_thread::sleep_for(milliseconds(1));
    }
    hosts.Send(SIGCONT);
    if (taken == nanoseconds(0)) continue;
    ++reclaimed;
    REQUIRE(Within(kLong, [&] { return hosts.told().step > times; }));
    if (nanoseconds(hosts.told().fenced_after_ns) > taken) ++early;
  }
  CHECK(reclaimed > 3);
  CHECK(early == 0);
}

TEST_CASE("a lease that nobody renews ends, and for good") {
  TwoHosts hosts;
  const auto pool = hosts.JoinHere(kShortAndManual);
  Lease lease(PoolFile::Open(hosts.here()).value(), pool->membership().index(), kShort);
  CHECK(lease.Holds());
  CHECK(lease.Renew());
  const MemberEntry& entry = pool->memory().Member(pool->membership().index());
  std::this_thread::sleep_for(kShort.length + milliseconds(20));
  CHECK_FALSE(lease.Holds());
  const uint64_t counted = AtomicWord(const_cast<uint64_t&>(entry.lease)).load();
  CHECK_FALSE(lease.Renew());
  CHECK_FALSE(lease.Holds());
  CHECK(counted == entry.lease);
}

TEST_CASE("rubbish in place of a promise is no reason to take anything over") {
  CHECK_FALSE(LeasePromise::Unpack(0).fences_itself);
  CHECK(LeasePromise::Unpack(1).length == std::chrono::hours(24));
  CHECK(LeasePromise::Unpack(~uint64_t{0}).length == std::chrono::hours(24));
  const LeasePromise promise{.length = milliseconds(1500), .fences_itself = true};
  CHECK(LeasePromise::Unpack(promise.Pack()).length == promise.length);
  CHECK(LeasePromise::Unpack(promise.Pack()).fences_itself);
}

TEST_CASE("of two hosts only one recovers a member, and who was overtaken leaves it at that") {
  TwoHosts hosts;
  const auto pool = hosts.JoinHere(kPatient);
  const PoolMemory& memory = pool->memory();
  // A member that another host has begun to recover.
  constexpr uint32_t kMember = 3;
  const MemberWord claimed{.generation = 7, .state = MemberState::kRecovering, .host = 77};
  memory.MemberStateWord(kMember).store(claimed.Pack());
  memory.Hold(kMember, 0).store(1);
  CHECK(pool->membership().RecoverDead() == 0);
  CHECK(memory.MemberStateWord(kMember).load() == claimed.Pack());
  CHECK(memory.Hold(kMember, 0).load() == 1);
  RecoverMember(memory, kMember, 78, false);
  CHECK(memory.MemberStateWord(kMember).load() == claimed.Pack());
  RecoverMember(memory, kMember, 78, true);
  CHECK(MemberWord::Unpack(memory.MemberStateWord(kMember).load()).state == MemberState::kFree);
  CHECK(memory.Hold(kMember, 0).load() == 0);
}

}  // namespace memtiers
