#include "set_torture.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>
#include <thread>

#include "killed_children.h"
#include "set_place.h"

namespace memtiers {
namespace {

constexpr uint32_t kOwnKeys = 8;
constexpr uint64_t kSharedKeys = 24;
static_assert(kOwnKeys <= TortureLedger::kMaxOwnKeys);

// A value tells which it is.
std::vector<std::byte> ValueFor(uint64_t sequence) {
  const size_t bytes = 16 + (sequence % 50 == 0 ? 20000 + sequence % 5000 : sequence % 1500);
  std::vector<std::byte> value = PatternFor(sequence, bytes);
  std::memcpy(value.data(), &sequence, sizeof sequence);
  return value;
}

class Worker {
 public:
  Worker(const std::vector<PoolDevice>& devices, TortureLedger& ledger, uint32_t index,
         uint64_t seed)
      : ledger_(&ledger), index_(index), random_(seed) {
    // Without sums: what is wrong must show in the values themselves.
    Result<std::unique_ptr<PoolSet>> set = PoolSet::Open(devices, {.verify = PoolVerify::kNever});
    if (set.ok()) {
      set_ = std::move(set.value());
    } else {
      ledger.Note(ledger.errors, "open: " + set.status().what());
    }
  }

  void Run() {
    if (set_ == nullptr) return;
    CheckOwn();
    while (!ledger_->stop) {
      Step();
      ++ledger_->operations;
    }
  }

  // What a killed predecessor was about to make so may be on the second device only, and would show
  // when the first is lost. A scrub decides.
  void CheckOwn() {
    bool undecided = false;
    for (uint32_t key = 0; key < kOwnKeys; ++key) {
      undecided = undecided || ledger_->Undecided(index_, key);
    }
    if (undecided) {
      const Result<SetScrub> scrub = set_->Scrub();
      if (!scrub.ok()) {
        Refused(scrub.status());
        return;
      }
    }
    for (uint32_t key = 0; key < kOwnKeys; ++key) {
      ledger_->Found(index_, key, OwnName(key), Read(OwnName(key)));
    }
  }

 private:
  std::string OwnName(uint32_t key) {
    return "of " + std::to_string(index_) + " " + std::to_string(key);
  }

  bool Refused(const Status& status) { return ledger_->Refused(status); }

  uint64_t Read(const std::string& name) {
    const Result<std::optional<SetHeld>> held = set_->Get(name);
    if (!held.ok()) {
      Refused(held.status());
      return TortureLedger::kUnread;
    }
    if (!held.value().has_value()) return 0;
    uint64_t sequence = 0;
    const std::span<std::byte> payload = held.value()->payload;
    if (payload.size() >= sizeof sequence) std::memcpy(&sequence, payload.data(), sizeof sequence);
    // A device may be lost under a value that is held: then it reads as zeroes, which whoever
    // looks at the value again finds out.
    if (!std::ranges::equal(payload, ValueFor(sequence))) {
      const Result<std::optional<SetHeld>> again = set_->Get(name);
      const bool same =
          again.ok() && again.value().has_value() && again.value()->device == held.value()->device;
      if (again.ok() && again.value().has_value()) set_->Release(*again.value());
      if (same) {
        ledger_->Note(ledger_->bad_reads, "a bad value of " + name);
      } else {
        sequence = TortureLedger::kUnread;
      }
    }
    set_->Release(*held.value());
    ++ledger_->read;
    return sequence;
  }

  bool Store(const std::string& name, uint64_t sequence) {
    const Result<Changed> changed = set_->Put(name, ValueFor(sequence));
    if (!changed.ok()) return Refused(changed.status());
    ++ledger_->stored;
    return true;
  }

  bool Remove(const std::string& name) {
    const Result<Changed> changed = set_->Delete(name);
    if (!changed.ok()) return Refused(changed.status());
    if (changed.value().done) ++ledger_->deleted;
    return true;
  }

  void ChangeOwn(uint32_t key) {
    const uint64_t next = random_() % 4 == 0 ? 0 : random_() >> 1 | 1;
    ledger_->Begin(index_, key, next);
    ledger_->End(index_, key, next == 0 ? Remove(OwnName(key)) : Store(OwnName(key), next));
  }

  void Step() {
    const uint64_t choice = random_() % 20;
    const std::string shared = "shared " + std::to_string(random_() % kSharedKeys);
    if (choice < 5) {
      Store(shared, random_() >> 1 | 1);
    } else if (choice < 7) {
      Remove(shared);
    } else if (choice < 11) {
      Read(shared);
    } else if (choice < 18) {
      ChangeOwn(static_cast<uint32_t>(random_() % kOwnKeys));
    } else if (choice == 18) {
      CheckOwn();
    } else if (random_() % 16 == 0) {
      set_->Maintain();
    } else if (random_() % 64 == 0) {
      const Result<SetScrub> scrub = set_->Scrub();
      if (!scrub.ok()) Refused(scrub.status());
      if (scrub.ok() && scrub.value().lost > 0) {
        ledger_->Note(ledger_->lost, "a scrub found no copy of " + scrub.value().lost_keys.front());
      }
    }
  }

  TortureLedger* ledger_;
  uint32_t index_;
  std::mt19937_64 random_;
  std::unique_ptr<PoolSet> set_;
};

PoolSetFormat TortureFormat(uint32_t replicas) {
  PoolSetFormat format;
  format.sizes = {.capacity_bytes = 4 * kMiB,
                  .extent_bytes = 32 * kKiB,
                  .members = 8,
                  .holds = 64,
                  .shards = 4,
                  .shard_slots = 64};
  format.replicas = replicas;
  return format;
}

class Torture {
 public:
  explicit Torture(const SetTorturePlan& plan) : plan_(plan), places_(2), random_(plan.seed) {
    MakeSet(places_.Devices(), TortureFormat(2));
  }

  SetTortureReport Run() {
    while (report_.kills < plan_.kills && report_.problems() == 0) {
      const size_t victim = random_() % 2;
      const bool live = random_() % 2 == 0;
      Round(live ? std::optional(victim) : std::nullopt);
      if (report_.hangs == 0) LoseAndRebuild(victim, live);
      ledger_->Collect(report_);
    }
    return report_;
  }

 private:
  void Round(std::optional<size_t> lose) {
    for (uint32_t i = 0; i < plan_.processes; ++i) Start(i);
    const uint64_t half = plan_.kills_between_losses / 2;
    for (uint64_t n = 0; n < plan_.kills_between_losses && report_.hangs == 0; ++n) {
      std::this_thread::sleep_for(std::chrono::microseconds(random_() % plan_.longest_life_us));
      if (n == half && lose.has_value()) {
        places_.Lose(*lose);
        ++report_.live_losses;
        // They are to notice, not only to be replaced.
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
      const auto victim = static_cast<uint32_t>(random_() % plan_.processes);
      Kill(victim);
      Start(victim);
      if (children_.Hang(ledger_->operations)) report_.hangs = 1;
    }
    for (uint32_t i = 0; i < plan_.processes; ++i) Kill(i);
  }

  void Start(uint32_t index) {
    const uint64_t seed = random_();
    children_.Start(index, plan_.delay,
                    [&] { Worker(places_.Devices(), *ledger_, index, seed).Run(); });
  }

  void Kill(uint32_t index) {
    if (ledger_->Ended(children_.Kill(index))) ++report_.kills;
  }

  // All are dead, perhaps within a change; one device is left, and has everything.
  void LoseAndRebuild(size_t victim, bool lost_already) {
    if (!lost_already) places_.Lose(victim);
    ++report_.losses;
    for (uint32_t i = 0; i < plan_.processes; ++i) {
      Worker(places_.Devices(), *ledger_, i, 1).CheckOwn();
    }
    const Result<std::unique_ptr<PoolSet>> opened = PoolSet::Open(places_.Devices());
    if (!opened.ok()) {
      ledger_->Note(ledger_->errors, "open: " + opened.status().what());
      return;
    }
    PoolSet& set = *opened.value();
    set.Maintain();
    const Status added = set.AddDevice(places_.Devices()[victim], true);
    if (!added.ok()) {
      ledger_->Note(ledger_->errors, "add: " + added.what());
      return;
    }
    const auto begin = std::chrono::steady_clock::now();
    const Result<SetScrub> scrub = set.Scrub();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    if (!scrub.ok() || scrub.value().lost > 0) {
      ledger_->Note(ledger_->lost, scrub.ok() ? "lost by the scrub" : scrub.status().what());
      return;
    }
    report_.rebuilt_bytes += scrub.value().copied_bytes;
    report_.rebuild_seconds += took.count();
    const Result<SetCheck> check = set.Check();
    if (!check.ok()) {
      ledger_->Note(ledger_->errors, "check: " + check.status().what());
      return;
    }
    const SetCheck& found = check.value();
    report_.damages += found.damages + found.unequal_copies + found.missing_copies;
    if (report_.damages > 0) {
      ledger_->Note(ledger_->lost, FindingsOf(found) + std::to_string(found.unequal_copies) +
                                       " unequal, " + std::to_string(found.missing_copies) +
                                       " missing of " + std::to_string(found.objects) +
                                       "; scrubbed " + std::to_string(scrub.value().objects));
    }
  }

  SetTorturePlan plan_;
  SetPlaces places_;
  const std::unique_ptr<TortureLedger, TortureLedger::Unmap> ledger_ = TortureLedger::Make();
  std::mt19937_64 random_;
  KilledChildren children_{plan_.processes};
  SetTortureReport report_;
};

}  // namespace

SetTortureReport TortureSet(const SetTorturePlan& plan) { return Torture(plan).Run(); }

GrowthReport GrowSetUnderLoad(uint32_t processes, uint32_t devices, uint64_t seed) {
  GrowthReport report;
  const SetPlaces places(devices);
  const std::vector<PoolDevice> all = places.Devices();
  const auto ledger = TortureLedger::Make();
  const auto set = MakeSet({all[0]}, TortureFormat(1));
  std::vector<pid_t> children;
  for (uint32_t i = 0; i < processes; ++i) {
    // They are told of the first device only, and find the others by the table.
    const pid_t child = fork();
    if (child == 0) {
      Worker({all[0]}, *ledger, i, seed + i).Run();
      _exit(0);
    }
    children.push_back(child);
  }
  for (uint32_t i = 1; i < devices; ++i) {
    const uint64_t before = ledger->operations;
    while (ledger->operations < before + 300 && !ledger->has_problem()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    const Status added = set->AddDevice(all[i]);
    if (added.ok()) {
      ++report.added;
    } else {
      ledger->Note(ledger->errors, "add: " + added.what());
    }
    const Result<SetScrub> scrub = set->Scrub();
    if (scrub.ok() && scrub.value().lost == 0) {
      report.moved += scrub.value().copied;
    } else {
      ledger->Note(ledger->errors, "scrub: " + scrub.status().what());
    }
  }
  const uint64_t before = ledger->operations;
  while (ledger->operations < before + 300 && !ledger->has_problem()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ledger->stop = true;
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0) ledger->Note(ledger->errors, "a process ended with " + std::to_string(status));
  }
  for (uint32_t i = 0; i < processes; ++i) Worker({all[0]}, *ledger, i, 1).CheckOwn();
  const Result<SetCheck> check = set->Check();
  if (!check.ok() || !check.value().clean()) {
    ledger->Note(ledger->errors, check.ok() ? FindingsOf(check.value()) : check.status().what());
  }
  report.operations = ledger->operations;
  report.problems = ledger->bad_reads + ledger->lost + ledger->errors;
  report.first_problem = ledger->first_problem();
  return report;
}

}  // namespace memtiers
