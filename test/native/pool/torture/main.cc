// Tries to break a pool for as long as one likes, and breaks its rules one by one to show that it
// would be noticed.
//
//   pool_torture kills [--kills N] [--directory DIR or DEVICE] [--seed N] [--longest-life-us N]
//                      [--perturbed] [--software]
//
//   pool_torture states [NEST]: every crash state, and of every NESTth (1) those of its recovery.
//
//   pool_torture flips [IMAGES] [SEED]
//
//   pool_torture lost-lines [HISTORIES] [SEED]: a host loses any part of what it has not written
//   back
//
//   pool_torture clocks [ROUNDS] [SEED]: of two hosts, set, stopped and let jump
//
//   pool_torture mutants [WORD]
//
//   pool_torture sets [KILLS] [SEED]: a set with replicas, whose members and devices die
//
//   pool_torture set-states: a member of a set dies at each step of a change, and a device with it
//
//   pool_torture speed
//
// Prints what was done, and ends with 0 if all is well.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>

#include "mutants.h"
#include "pool/clock_steps.h"
#include "pool/crash_states.h"
#include "pool/flip_fuzz.h"
#include "pool/kill_torture.h"
#include "pool/lost_lines.h"
#include "pool/set_torture.h"
#include "set_states.h"
#include "speed.h"

namespace memtiers {
namespace {

int Kills(std::span<char*> arguments) {
  TorturePlan plan{.kills = 100000, .kills_between_walks = 200};
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string name = arguments[i];
    const bool more = i + 1 < arguments.size();
    if (name == "--perturbed") {
      plan.delay = DelayAtRandom;
    } else if (name == "--software") {
      plan.software = true;
    } else if (name == "--kills" && more) {
      plan.kills = std::strtoull(arguments[++i], nullptr, 10);
    } else if (name == "--seed" && more) {
      plan.seed = std::strtoull(arguments[++i], nullptr, 10);
    } else if (name == "--longest-life-us" && more) {
      plan.longest_life_us = std::strtoull(arguments[++i], nullptr, 10);
    } else if (name == "--directory" && more) {
      plan.directory = arguments[++i];
    } else {
      std::fprintf(stderr, "unknown option %s\n", name.c_str());
      return 2;
    }
  }
  const auto begin = std::chrono::steady_clock::now();
  const TortureReport report = TorturePool(plan);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf(
      "kills %llu, walks %llu, operations %llu (stored %llu, deleted %llu, read %llu, full %llu, "
      "extents of their own %llu), "
      "%.0f s; seed %llu, "
      "%s%s%s\n",
      static_cast<unsigned long long>(report.kills), static_cast<unsigned long long>(report.walks),
      static_cast<unsigned long long>(report.operations),
      static_cast<unsigned long long>(report.stored),
      static_cast<unsigned long long>(report.deleted), static_cast<unsigned long long>(report.read),
      static_cast<unsigned long long>(report.full),
      static_cast<unsigned long long>(report.given_back), took.count(),
      static_cast<unsigned long long>(plan.seed), plan.directory.c_str(),
      plan.delay != nullptr ? ", perturbed" : "", plan.software ? ", software coherence" : "");
  std::printf(
      "bad reads %llu, lost %llu, errors %llu, damages %llu, leaked extents %llu, hangs %llu%s%s\n",
      static_cast<unsigned long long>(report.bad_reads),
      static_cast<unsigned long long>(report.lost), static_cast<unsigned long long>(report.errors),
      static_cast<unsigned long long>(report.damages),
      static_cast<unsigned long long>(report.leaked_extents),
      static_cast<unsigned long long>(report.hangs), report.problems() > 0 ? "; first: " : "",
      report.first_problem.c_str());
  // Without work and deaths nothing was shown.
  const bool worked = report.kills >= plan.kills && report.stored > 0 && report.deleted > 0 &&
                      report.read > 0 && report.given_back > 0;
  return report.problems() == 0 && worked ? 0 : 1;
}

int States(uint64_t nest_every) {
  CrashReport all;
  for (const CrashScenario& scenario : AllCrashScenarios()) {
    const CrashReport report = EnumerateCrashes(scenario, nest_every);
    std::printf("%-42s %4llu states, %5llu of recoveries, %8llu instructions%s%s\n",
                scenario.name.c_str(), static_cast<unsigned long long>(report.states),
                static_cast<unsigned long long>(report.nested_states),
                static_cast<unsigned long long>(report.instructions),
                report.violations > 0 ? ": " : "", report.first_problem.c_str());
    std::fflush(stdout);
    all.states += report.states;
    all.nested_states += report.nested_states;
    all.instructions += report.instructions;
    all.violations += report.violations;
  }
  std::printf("%llu states and %llu of recoveries in %llu instructions, violations %llu\n",
              static_cast<unsigned long long>(all.states),
              static_cast<unsigned long long>(all.nested_states),
              static_cast<unsigned long long>(all.instructions),
              static_cast<unsigned long long>(all.violations));
  return all.violations == 0 && all.states > 100 ? 0 : 1;
}

int Flips(uint64_t images, uint64_t seed) {
  const FlipReport report = FuzzPool(images, seed);
  std::printf(
      "images %llu, damage found in %llu, refused %llu, repaired %llu; misreads %llu, unrepaired "
      "%llu%s%s\n",
      static_cast<unsigned long long>(report.images), static_cast<unsigned long long>(report.found),
      static_cast<unsigned long long>(report.refused),
      static_cast<unsigned long long>(report.repaired),
      static_cast<unsigned long long>(report.misreads),
      static_cast<unsigned long long>(report.unrepaired),
      report.first_problem.empty() ? "" : "; first: ", report.first_problem.c_str());
  return report.misreads + report.unrepaired == 0 && report.images == images ? 0 : 1;
}

int LostLines(uint64_t histories, uint64_t seed) {
  const LostLinesPlan plan{.seed = seed,
                           .histories = histories,
                           .changes = 12,
                           .passes = 6,
                           .subsets = 64,
                           .takeover_every = 4,
                           .readers = 2000};
  const LostLinesReport report = LoseLines(plan);
  std::printf(
      "histories %llu (puts %llu, deletions %llu; stores %llu, write-backs %llu); images %llu, "
      "taken over %llu, reads meanwhile "
      "%llu (%llu of a newer value); seed %llu; violations %llu%s%s\n",
      static_cast<unsigned long long>(histories), static_cast<unsigned long long>(report.puts),
      static_cast<unsigned long long>(report.deletions),
      static_cast<unsigned long long>(report.stores),
      static_cast<unsigned long long>(report.write_backs),
      static_cast<unsigned long long>(report.images),
      static_cast<unsigned long long>(report.takeovers),
      static_cast<unsigned long long>(report.reads),
      static_cast<unsigned long long>(report.renewals), static_cast<unsigned long long>(seed),
      static_cast<unsigned long long>(report.violations),
      report.first_problem.empty() ? "" : "; first: ", report.first_problem.c_str());
  const bool worked =
      report.puts > 0 && report.deletions > 0 && report.takeovers > 0 && report.renewals > 0;
  return report.violations == 0 && worked ? 0 : 1;
}

int Clocks(uint64_t rounds, uint64_t seed) {
  const ClockReport report = StepAllClocks(rounds, seed);
  std::printf(
      "steps of wall clocks %llu, suspends %llu, stops with the clock %llu, takeovers %llu, hosts "
      "started a month apart %llu; seed %llu; wrong %llu%s%s\n",
      static_cast<unsigned long long>(report.wall_steps),
      static_cast<unsigned long long>(report.suspends),
      static_cast<unsigned long long>(report.stops),
      static_cast<unsigned long long>(report.takeovers),
      static_cast<unsigned long long>(report.far_apart), static_cast<unsigned long long>(seed),
      static_cast<unsigned long long>(report.wrong),
      report.first_problem.empty() ? "" : "; first: ", report.first_problem.c_str());
  return report.wrong == 0 && report.takeovers == rounds ? 0 : 1;
}

int Sets(uint64_t kills, uint64_t seed) {
  const SetTortureReport report =
      TortureSet({.kills = kills, .seed = seed, .delay = DelayAtRandom});
  const double gib = static_cast<double>(report.rebuilt_bytes) / static_cast<double>(kGiB);
  std::printf(
      "kills %llu, devices lost %llu (%llu in use), operations %llu (stored %llu, deleted %llu, "
      "read "
      "%llu, full %llu), rebuild %.2f s/GiB; seed %llu\n",
      static_cast<unsigned long long>(report.kills), static_cast<unsigned long long>(report.losses),
      static_cast<unsigned long long>(report.live_losses),
      static_cast<unsigned long long>(report.operations),
      static_cast<unsigned long long>(report.stored),
      static_cast<unsigned long long>(report.deleted), static_cast<unsigned long long>(report.read),
      static_cast<unsigned long long>(report.full), report.rebuild_seconds / gib,
      static_cast<unsigned long long>(seed));
  std::printf("bad reads %llu, lost %llu, errors %llu, damages %llu, hangs %llu%s%s\n",
              static_cast<unsigned long long>(report.bad_reads),
              static_cast<unsigned long long>(report.lost),
              static_cast<unsigned long long>(report.errors),
              static_cast<unsigned long long>(report.damages),
              static_cast<unsigned long long>(report.hangs),
              report.problems() > 0 ? "; first: " : "", report.first_problem.c_str());
  const bool worked = report.kills >= kills && report.losses > 0 && report.stored > 0 &&
                      report.deleted > 0 && report.rebuilt_bytes > 0;
  return report.problems() == 0 && worked ? 0 : 1;
}

int SetStates() {
  const SetStatesReport report = EnumerateSetDeaths();
  std::printf("%llu deaths, %llu images, %llu values looked for; lost %llu, violations %llu\n",
              static_cast<unsigned long long>(report.deaths),
              static_cast<unsigned long long>(report.images),
              static_cast<unsigned long long>(report.values),
              static_cast<unsigned long long>(report.lost),
              static_cast<unsigned long long>(report.violations));
  return report.violations == 0 && report.deaths > 100 ? 0 : 1;
}

int Run(std::span<char*> arguments) {
  const auto number = [&](size_t at, uint64_t otherwise) {
    return arguments.size() > at ? std::strtoull(arguments[at], nullptr, 10) : otherwise;
  };
  const std::string command = arguments.size() > 1 ? arguments[1] : "";
  if (command == "kills") return Kills(arguments.subspan(2));
  if (command == "states") return States(number(2, 1));
  if (command == "flips") return Flips(number(2, 1000000), number(3, 1));
  if (command == "lost-lines") return LostLines(number(2, 20), number(3, 1));
  if (command == "clocks") return Clocks(number(2, 20), number(3, 1));
  if (command == "mutants") return RunMutants(arguments.size() > 2 ? arguments[2] : "");
  if (command == "sets") return Sets(number(2, 10000), number(3, 1));
  if (command == "set-states") return SetStates();
  if (command == "speed") return PrintSpeed();
  std::fprintf(
      stderr,
      "usage: pool_torture kills|states|flips|lost-lines|clocks|mutants|sets|set-states|speed "
      "[options]\n");
  return 2;
}

}  // namespace
}  // namespace memtiers

int main(int argc, char** argv) {
  // The helpers check with doctest what a test would.
  doctest::Context context;
  context.setAsDefaultForAssertsOutOfTestCases();
  return memtiers::Run({argv, static_cast<size_t>(argc)});
}
