#include "clock_steps.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <random>
#include <string_view>
#include <thread>

#include "pool/lease.h"
#include "stepped_clock.h"
#include "sys/unique_fd.h"
#include "two_hosts.h"

namespace memtiers {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr auto kLong = seconds(30);
constexpr int kNotPermitted = -1;
// A few looks at each other (heartbeat.h).
constexpr auto kLooks = milliseconds(250);
constexpr LeaseTerms kShort{.length = milliseconds(1500), .takeover = PoolTakeover::kLease};
// So that a machine that stands still for a moment loses nobody his lease.
constexpr LeaseTerms kSteady{.length = seconds(20), .takeover = PoolTakeover::kLease};
constexpr LeaseTerms kPatient{.length = std::chrono::minutes(5), .takeover = PoolTakeover::kLease};

// Of one host; shared, so that the test sets it.
class HostClock {
 public:
  HostClock() {
    void* const memory = mmap(nullptr, sizeof(ClockSteps), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    steps_ = new (memory) ClockSteps{};
  }
  ~HostClock() {
    StepClocks(nullptr);
    munmap(steps_, sizeof(ClockSteps));
  }
  HostClock(const HostClock&) = delete;
  HostClock& operator=(const HostClock&) = delete;

  void UseHere() const { StepClocks(steps_); }
  void SetWall(nanoseconds step) const { steps_->wall_ns = step.count(); }
  void SetBoot(nanoseconds step) const { steps_->boot_ns = step.count(); }

 private:
  ClockSteps* steps_;
};

bool AwaitLife(const TwoHosts& hosts) {
  return Within(kLong, [&] { return hosts.told().step > 1; });
}

// As a member of the other host: looks all the time whether he may go on, and says since when not.
// `told.wrong` counts what he should not have seen or could do after he may not any more.
int LiveElsewhere(const std::shared_ptr<const PoolFile>& file, Told& told,
                  const LeaseTerms& terms) {
  const auto own = Pool::Join(file, {.lease = terms});
  if (!own.ok() || !own.value()->Put("theirs", PatternFor(1, 60)).ok()) return 1;
  Membership& self = own.value()->membership();
  told.work = self.index() + 1;
  for (;;) {
    const nanoseconds now = SteadyNow();
    if (!self.Current()) break;
    told.last_current_ns = now.count();
    for (uint32_t member = 0; member < file->layout().sizes().members; ++member) {
      if (self.Suspect(member)) ++told.wrong;
    }
    if (self.RecoverDead() > 0) ++told.wrong;
    ++told.step;
    std::this_thread::sleep_for(milliseconds(1));
  }
  if (own.value()->Put("theirs", PatternFor(2, 60)).status().code() != Code::kClosed) ++told.wrong;
  if (own.value()->Get("theirs").status().code() != Code::kClosed) ++told.wrong;
  told.fenced_after_ns = told.last_current_ns.load();
  return 0;
}

class Clocks {
 public:
  Clocks(ClockReport& report, uint64_t seed) : report_(&report), random_(seed) {}

  // Somebody sets the wall clocks, however wrong.
  void SetWallClocks() {
    const HostClock here;
    const HostClock there;
    TwoHosts hosts;
    const auto pool = hosts.JoinHere(kSteady);
    hosts.Elsewhere([&](const auto& file, Told& told) {
      there.UseHere();
      return LiveElsewhere(file, told, kSteady);
    });
    if (!Expect(AwaitLife(hosts), "the other host did not begin")) return;
    const auto other = static_cast<uint32_t>(hosts.told().work - 1);
    here.UseHere();
    const auto before = std::chrono::system_clock::now();
    for (const nanoseconds step : {nanoseconds(hours(1)), nanoseconds(-hours(1)),
                                   nanoseconds(hours(87600)), nanoseconds(0)}) {
      here.SetWall(step);
      there.SetWall(random_() % 2 == 0 ? step : -step);
      report_->wall_steps += 2;
      const nanoseconds until = SteadyNow() + kLooks;
      while (SteadyNow() < until) {
        Expect(!pool->membership().Suspect(other), "suspect because a wall clock was set");
        Expect(pool->membership().RecoverDead() == 0, "recovered because a wall clock was set");
        std::this_thread::sleep_for(milliseconds(5));
      }
      const bool shown = step == nanoseconds(0) ||
                         (std::chrono::system_clock::now() > before) == (step > nanoseconds(0));
      Expect(shown, "the wall clock could not be set");
    }
    StepClocks(nullptr);
    Expect(pool->Put("ours", PatternFor(1, 60)).ok(), "no lease any more, here");
    const int seen = hosts.told().step;
    Expect(Within(kLong, [&] { return hosts.told().step > seen + 1; }), "no lease any more, there");
    Expect(hosts.told().wrong == 0, "the other host saw somebody suspect or dead");
    hosts.End(SIGKILL);
  }

  // The other host is suspended: its clock goes on, and it does not.
  void SuspendTheOther() {
    const HostClock there;
    TwoHosts hosts;
    const auto pool = hosts.JoinHere(kPatient);
    hosts.Elsewhere([&](const auto& file, Told& told) {
      there.UseHere();
      return LiveElsewhere(file, told, kSteady);
    });
    if (!Expect(AwaitLife(hosts), "the other host did not begin")) return;
    ++report_->suspends;
    // Less than what it takes us to take anything over.
    there.SetBoot(seconds(60));
    Expect(pool->membership().RecoverDead() == 0, "taken over from who was suspended too early");
    Expect(hosts.End(0) == 0, "the other host ended");
    Expect(hosts.told().wrong == 0, "who was suspended went on");
  }

  // This host was suspended while the other one lived and counted.
  void SuspendTheWatcher() {
    const HostClock here;
    TwoHosts hosts;
    const auto pool = hosts.JoinHere(kPatient);
    hosts.Elsewhere([](const auto& file, Told& told) { return LiveElsewhere(file, told, kShort); });
    if (!Expect(AwaitLife(hosts), "the other host did not begin")) return;
    const auto other = static_cast<uint32_t>(hosts.told().work - 1);
    // Threads that look would have been suspended too: whoever looks here does so once, after it.
    LeaseWatch watch(PoolFile::Open(hosts.here()).value());
    MemberEntry& entry = pool->memory().Member(other);
    const uint64_t counted = AtomicWord(entry.heartbeat).load();
    Expect(Within(kLong, [&] { return AtomicWord(entry.heartbeat).load() > counted; }),
           "the other host does not count");
    ++report_->suspends;
    here.SetBoot(seconds(60));
    here.UseHere();
    watch.Look();
    Expect(!watch.Silent(other, false), "suspect because this host was suspended");
    StepClocks(nullptr);
    hosts.End(SIGKILL);
  }

  // A paused virtual machine: it stands still, and so does its clock, and it is taken over from.
  void StopTheOtherWithItsClock() {
    const HostClock there;
    TwoHosts hosts;
    const auto pool = hosts.JoinHere(kPatient);
    hosts.Elsewhere([&](const auto& file, Told& told) {
      there.UseHere();
      return LiveElsewhere(file, told, kShort);
    });
    if (!Expect(AwaitLife(hosts), "the other host did not begin")) return;
    hosts.Send(SIGSTOP);
    hosts.AwaitStop();
    const nanoseconds stopped = SteadyNow();
    ++report_->stops;
    nanoseconds taken{0};
    const bool recovered = Within(kLong, [&] {
      taken = SteadyNow();
      return pool->membership().RecoverDead() > 0;
    });
    if (!Expect(recovered, "nobody took over from who was stopped")) return;
    ++report_->takeovers;
    there.SetBoot(stopped - SteadyNow());
    hosts.Send(SIGCONT);
    Expect(hosts.End(0) == 0, "who was taken over from ended");
    Expect(nanoseconds(hosts.told().fenced_after_ns) < taken, "he went on after that");
    Expect(hosts.told().wrong == 0, "who was taken over from could do something");
  }

  // Two hosts, one of which has been up for a month longer.
  void StartFarApart() {
    TwoHosts hosts;
    const auto pool = hosts.JoinHere(kSteady);
    hosts.Elsewhere([](const auto& file, Told& told) {
      if (!LeaveForLaterBoot()) {
        told.step = kNotPermitted;
        return 0;
      }
      // The one to be in the new times is a child.
      const pid_t child = fork();
      if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(LiveElsewhere(file, told, kSteady));
      }
      waitpid(child, nullptr, 0);
      return 0;
    });
    if (!Expect(Within(kLong, [&] { return hosts.told().step != 0; }), "no other host")) return;
    if (hosts.told().step != kNotPermitted && Expect(AwaitLife(hosts), "the other host ended")) {
      const auto other = static_cast<uint32_t>(hosts.told().work - 1);
      const nanoseconds until = SteadyNow() + kLooks;
      while (SteadyNow() < until) {
        Expect(!pool->membership().Suspect(other), "suspect because it was started earlier");
        Expect(pool->membership().RecoverDead() == 0, "recovered because it was started earlier");
        std::this_thread::sleep_for(milliseconds(5));
      }
      Expect(hosts.told().wrong == 0, "who was started earlier saw somebody suspect or dead");
      ++report_->far_apart;
    }
    hosts.End(SIGKILL);
  }

 private:
  bool Expect(bool holds, const std::string& otherwise) {
    if (!holds && ++report_->wrong == 1) report_->first_problem = otherwise;
    return holds;
  }
  // Into times in which this machine is up for a month longer (time_namespaces(7), Linux 5.6).
  static bool LeaveForLaterBoot() {
    constexpr std::string_view kMonth = "boottime 2592000 0\n";
    if (unshare(CLONE_NEWTIME) != 0) return false;
    const UniqueFd offsets(open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC));
    return offsets.get() >= 0 && write(offsets.get(), kMonth.data(), kMonth.size()) ==
                                     static_cast<ssize_t>(kMonth.size());
  }

  ClockReport* report_;
  std::mt19937_64 random_;
};

}  // namespace

ClockReport StepAllClocks(uint64_t rounds, uint64_t seed) {
  ClockReport report;
  Clocks clocks(report, seed);
  for (uint64_t round = 0; round < rounds && report.wrong == 0; ++round) {
    clocks.SetWallClocks();
    clocks.SuspendTheOther();
    clocks.SuspendTheWatcher();
    clocks.StopTheOtherWithItsClock();
    clocks.StartFarApart();
  }
  return report;
}

bool SettingTheLeaseClockShows() {
  const HostClock here;
  TwoHosts hosts;
  const auto pool = hosts.JoinHere(kPatient);
  hosts.Elsewhere([](const auto& file, Told& told) { return LiveElsewhere(file, told, kSteady); });
  if (!AwaitLife(hosts)) return false;
  const auto other = static_cast<uint32_t>(hosts.told().work - 1);
  LeaseWatch watch(PoolFile::Open(hosts.here()).value());
  here.UseHere();
  bool silent = false;
  // He may count just in between.
  for (int i = 1; i <= 5 && !silent; ++i) {
    watch.Look();
    here.SetBoot(i * std::chrono::minutes(1));
    watch.Look();
    silent = watch.Silent(other, false);
  }
  StepClocks(nullptr);
  hosts.End(SIGKILL);
  return silent;
}

}  // namespace memtiers
