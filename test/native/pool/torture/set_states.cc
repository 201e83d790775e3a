#include "set_states.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <functional>
#include <map>
#include <vector>

#include "pool/faults.h"
#include "pool/set_place.h"
#include "pool/set_values.h"

namespace memtiers {
namespace {

constexpr int kKeys = 12;

uint64_t point = 0;
uint64_t die_at = 0;

// How many changes who dies was told to be done; it outlives him.
std::atomic<uint64_t>* Acknowledged() {
  static void* const memory =
      mmap(nullptr, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return static_cast<std::atomic<uint64_t>*>(memory);
}

void MaybeDie() {
  if (++point == die_at) kill(getpid(), SIGKILL);
}

std::vector<std::byte> Before(int number) { return PatternFor(number, 200 + 40 * number); }
std::vector<std::byte> After(int number) { return PatternFor(number + 500, 3000 + number); }

using Values = std::map<std::string, std::optional<std::vector<std::byte>>>;

// Devices are numbered; the last one may be there and not in the set yet.
struct Scenario {
  std::string name;
  size_t devices = 2;
  size_t in_set = 2;
  std::function<void(PoolSet& set, const std::vector<PoolDevice>& all)> prepare;
  std::function<void(PoolSet& set, const std::vector<PoolDevice>& all)> act;
  // What the acted upon keys may have afterwards, beside what they had.
  Values after;
  std::vector<size_t> may_lose = {0, 1};
};

// So that keys have their copies where they no longer belong.
void Grow(PoolSet& set, const std::vector<PoolDevice>& all) { (void)set.AddDevice(all.back()); }

void Damage(PoolSet& set, int key) {
  for (uint32_t ordinal = 0; ordinal < 2; ++ordinal) {
    const Result<std::optional<Held>> held = set.PoolOf(ordinal)->Get(KeyAt(key), false);
    if (!held.ok() || !held.value().has_value()) continue;
    held.value()->payload[3] ^= std::byte{1};
    set.PoolOf(ordinal)->Release(*held.value());
    return;
  }
}

std::vector<Scenario> Scenarios() {
  using Devices = std::vector<PoolDevice>;
  const auto put_all = [](PoolSet& set, const Devices& /*all*/) {
    for (int i = 0; i < 3; ++i) *Acknowledged() += set.Put(KeyAt(i), After(i)).ok() ? 1 : 0;
  };
  const auto delete_all = [](PoolSet& set, const Devices& /*all*/) {
    for (int i = 0; i < 3; ++i) *Acknowledged() += set.Delete(KeyAt(i)).ok() ? 1 : 0;
  };
  const auto scrub = [](PoolSet& set, const Devices& /*all*/) { (void)set.Scrub(); };
  const auto nothing = [](PoolSet& /*set*/, const Devices& /*all*/) {};
  Values replaced;
  Values deleted;
  for (int i = 0; i < 3; ++i) replaced[KeyAt(i)] = After(i);
  for (int i = 0; i < 3; ++i) deleted[KeyAt(i)] = std::nullopt;
  return {
      {"put of a new key",
       2,
       2,
       nothing,
       [](PoolSet& set, const Devices&) { (void)set.Put("new", After(50)); },
       {{"new", After(50)}}},
      {"replace", 2, 2, nothing, put_all, replaced},
      {"delete", 2, 2, nothing, delete_all, deleted},
      {"replace where a device was added", 3, 2, Grow, put_all, replaced, {0, 1, 2}},
      {"delete where a device was added", 3, 2, Grow, delete_all, deleted, {0, 1, 2}},
      {"scrub where a device was added", 3, 2, Grow, scrub, {}, {0, 1, 2}},
      {"scrub of damaged copies",
       2,
       2,
       [](PoolSet& set, const Devices&) {
         for (int i = 0; i < 3; ++i) Damage(set, i);
       },
       scrub,
       {},
       {}},
      {"adding a device",
       3,
       2,
       nothing,
       [](PoolSet& set, const Devices& all) { (void)set.AddDevice(all.back()); },
       {},
       {0, 1, 2}},
      {"giving up a device",
       3,
       3,
       nothing,
       [](PoolSet& set, const Devices&) { (void)set.DeclareLost(1); },
       {},
       {1}},
  };
}

class Enumeration {
 public:
  Enumeration(const Scenario& scenario, SetStatesReport& report)
      : scenario_(scenario), report_(&report), places_(scenario.devices), all_(places_.Devices()) {
    const std::vector<PoolDevice> in_set(all_.begin(),
                                         all_.begin() + static_cast<ptrdiff_t>(scenario.in_set));
    const auto set = MakeSet(in_set, SmallSet(2));
    for (int i = 0; i < kKeys; ++i) {
      (void)set->Put(KeyAt(i), Before(i));
      had_[KeyAt(i)] = Before(i);
    }
    had_["new"] = std::nullopt;
    scenario.prepare(*set, all_);
  }

  void Run() {
    const std::vector<std::vector<std::byte>> start = Images();
    for (uint64_t step = 1; report_->violations == 0; ++step) {
      Restore(start);
      if (!DiesAt(step)) {
        if (step == 1) Fail("nothing happened");
        return;
      }
      ++report_->deaths;
      const std::vector<std::vector<std::byte>> left = Images();
      Look(std::nullopt, step);
      for (const size_t device : scenario_.may_lose) {
        Restore(left);
        Look(device, step);
      }
    }
  }

 private:
  std::vector<std::vector<std::byte>> Images() const {
    std::vector<std::vector<std::byte>> images;
    for (size_t i = 0; i < places_.size(); ++i) images.push_back(places_.Image(i));
    return images;
  }

  void Restore(const std::vector<std::vector<std::byte>>& images) const {
    for (size_t i = 0; i < images.size(); ++i) {
      places_.Lose(i);
      places_.Restore(i, images[i]);
    }
  }

  void Fail(const std::string& what) {
    ++report_->violations;
    if (report_->first_problem.empty()) report_->first_problem = scenario_.name + ": " + what;
  }

  bool DiesAt(uint64_t step) {
    *Acknowledged() = 0;
    const pid_t child = fork();
    if (child == 0) {
      const auto set = PoolSet::Open({all_[0]});
      if (!set.ok()) _exit(1);
      die_at = step;
      delay_at_point = MaybeDie;
      scenario_.act(*set.value(), all_);
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) Fail("the process could not open the set");
    return WIFSIGNALED(status);
  }

  Values ReadAll(PoolSet& set) {
    Values values;
    for (const auto& [key, had] : had_) {
      const Result<std::optional<SetHeld>> held = set.Get(key);
      ++report_->values;
      if (!held.ok()) {
        Fail(key + ": " + held.status().what());
        values[key] = std::nullopt;
        continue;
      }
      if (!held.value().has_value()) {
        values[key] = std::nullopt;
        continue;
      }
      const std::span<std::byte> payload = held.value()->payload;
      values[key] = std::vector<std::byte>(payload.begin(), payload.end());
      set.Release(*held.value());
    }
    return values;
  }

  // What was read once is not taken back by the loss of the device that it was read from.
  void LoseUnderMember(size_t device, const std::string& where) {
    const Result<std::unique_ptr<PoolSet>> set = PoolSet::Open(all_);
    if (!set.ok()) {
      Fail(where + set.status().what());
      return;
    }
    const Values before = ReadAll(*set.value());
    places_.Lose(device);
    for (const auto& [key, value] : ReadAll(*set.value())) {
      const auto after = scenario_.after.find(key);
      const bool done = after != scenario_.after.end() && value == after->second;
      if (value != before.at(key) && !done) Fail(where + key + " was read and is taken back");
    }
  }

  void Look(std::optional<size_t> lost, uint64_t step) {
    ++report_->images;
    const std::string where =
        "death at point " + std::to_string(step) +
        (lost.has_value() ? ", device " + std::to_string(*lost) + " lost" : "") + ": ";
    if (lost.has_value()) LoseUnderMember(*lost, where);
    const Result<std::unique_ptr<PoolSet>> opened = PoolSet::Open(all_);
    // One that was being added is named and not part of the set.
    if (!opened.ok()) {
      Fail(where + opened.status().what());
      return;
    }
    PoolSet& set = *opened.value();
    const Values first = ReadAll(set);
    for (const auto& [key, value] : first) {
      const auto after = scenario_.after.find(key);
      const bool changed = after != scenario_.after.end() && value == after->second;
      const bool acknowledged = after != scenario_.after.end() && key != "new" &&
                                std::stoull(key.substr(4)) < *Acknowledged();
      if ((value == had_[key] && !acknowledged) || changed) continue;
      ++report_->lost;
      Fail(where + key + (value.has_value() ? " has another value" : " is gone"));
    }
    const Result<SetScrub> scrub = set.Scrub();
    if (!scrub.ok() || scrub.value().lost > 0) {
      Fail(where + (scrub.ok() ? "a scrub lost values" : scrub.status().what()));
      return;
    }
    if (ReadAll(set) != first) Fail(where + "a scrub changed values");
    const Result<SetCheck> check = set.Check();
    if (!check.ok() || !check.value().clean()) {
      Fail(where + (check.ok() ? FindingsOf(check.value()) : check.status().what()));
      return;
    }
    if (check.value().unequal_copies + check.value().missing_copies > 0) {
      Fail(where + "copies are not equal after a scrub");
    }
  }

  Scenario scenario_;
  SetStatesReport* report_;
  SetPlaces places_;
  std::vector<PoolDevice> all_;
  Values had_;
};

}  // namespace

SetStatesReport EnumerateSetDeaths(bool print) {
  SetStatesReport report;
  for (const Scenario& scenario : Scenarios()) {
    const uint64_t deaths = report.deaths;
    const uint64_t images = report.images;
    Enumeration(scenario, report).Run();
    if (print) {
      std::printf("%-36s %3llu deaths, %4llu images%s%s\n", scenario.name.c_str(),
                  static_cast<unsigned long long>(report.deaths - deaths),
                  static_cast<unsigned long long>(report.images - images),
                  report.violations > 0 ? ": " : "", report.first_problem.c_str());
      std::fflush(stdout);
    }
    if (report.violations > 0) break;
  }
  return report;
}

}  // namespace memtiers
