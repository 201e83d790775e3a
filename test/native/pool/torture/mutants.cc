#include "mutants.h"

#include <sched.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <random>
#include <string>

#include "interleaved.h"
#include "pool/crash_states.h"
#include "pool/faults.h"
#include "pool/kill_torture.h"
#include "pool/lost_lines.h"
#include "set_states.h"

namespace memtiers {
namespace {

struct Mutant {
  PoolRule rule;
  const char* name;
};

constexpr std::array kMutants{
    Mutant{PoolRule::kValidateAfterHold, "no look at the directory after a hold"},
    Mutant{PoolRule::kSweepReadsHolds, "sweeps free what is held"},
    Mutant{PoolRule::kVerifyBeforeFree, "sweeps believe live bits"},
    Mutant{PoolRule::kClearLiveBeforeUnlink, "live bits cleared after unlinking"},
    Mutant{PoolRule::kRecoveryClearsHolds, "recovery keeps holds"},
    Mutant{PoolRule::kRecoveryFreesLocks, "recovery keeps locks"},
    Mutant{PoolRule::kRecoveryOrphansExtents, "recovery keeps extents"},
    Mutant{PoolRule::kAdoptionReadsHolds, "adoption ignores holds"},
    Mutant{PoolRule::kAdoptionReadsDirectory, "adoption ignores the directory"},
    Mutant{PoolRule::kWriteBeforeCommit, "headers sealed after the commit"},
    Mutant{PoolRule::kHoldsBeforeFree, "deletions do not wait for holders"},
    Mutant{PoolRule::kRunHeadFirst, "runs adopted from the middle"},
    Mutant{PoolRule::kReleaseFromEnd, "runs given back from the beginning"},
    Mutant{PoolRule::kOrphanFromEnd, "runs lose their owner from the beginning"},
    Mutant{PoolRule::kFencesItself, "leases that never end for their holder"},
    Mutant{PoolRule::kGraceAfterLease, "takeover without waiting for the lease"},
    Mutant{PoolRule::kLockProvesDeath, "the living are recovered"},
    Mutant{PoolRule::kWritesBackPayload, "payloads not written back"},
    Mutant{PoolRule::kWritesBackHeader, "headers not written back"},
    Mutant{PoolRule::kWritesBackVersion, "versions not written back"},
    Mutant{PoolRule::kWritesBackWord, "directory words not written back"},
    Mutant{PoolRule::kWritesBackExtent, "claimed extents not written back"},
    Mutant{PoolRule::kWritesBackRelease, "released extents not written back"},
    Mutant{PoolRule::kWritesBackRecovery, "recoveries not written back"},
    Mutant{PoolRule::kDropsWord, "readers with old directory words"},
    Mutant{PoolRule::kDropsExtent, "readers with old extent words"},
    Mutant{PoolRule::kDropsHeader, "readers with old headers"},
    Mutant{PoolRule::kDropsPayload, "readers with old payloads"},
    Mutant{PoolRule::kSetWritesAllCopies, "sets: done with one copy"},
    Mutant{PoolRule::kSetCommitsBeforeUnlinking, "sets: old copies unlinked first"},
    Mutant{PoolRule::kSetFirstCopyLast, "sets: the first copy named first"},
};

bool IsAboutSets(PoolRule rule) {
  return rule == PoolRule::kSetWritesAllCopies || rule == PoolRule::kSetCommitsBeforeUnlinking ||
         rule == PoolRule::kSetFirstCopyLast;
}

// These only show where lines can be lost.
bool IsAboutLines(PoolRule rule) {
  return rule >= PoolRule::kWritesBackPayload && rule <= PoolRule::kDropsPayload;
}

}  // namespace

void DelayAtRandom() {
  thread_local std::minstd_rand random(static_cast<unsigned>(getpid()));
  const unsigned choice = static_cast<unsigned>(random() % 64);
  if (choice < 4) sched_yield();
  if (choice == 4) usleep(static_cast<unsigned>(random() % 200));
}

namespace {

// By the quickest that can: steps, states, deaths, deaths with delays. Nothing: nobody noticed.
std::string WhoNotices() {
  if (IsAboutSets(broken_rule)) {
    const SetStatesReport report = EnumerateSetDeaths(false);
    return report.violations > 0 ? "deaths in sets: " + report.first_problem : "";
  }
  if (IsAboutLines(broken_rule)) {
    const LostLinesReport report = LoseLines(
        {.histories = 20, .changes = 10, .subsets = 16, .takeover_every = 2, .readers = 300});
    return report.violations > 0 ? "lost lines: " + report.first_problem : "";
  }
  // Where the living are recovered nobody gets to the end of a step.
  if (broken_rule != PoolRule::kLockProvesDeath) {
    if (!ReaderSurvivesReuse()) return "two members step by step";
    if (!LeasesAreKept()) return "a lease that was let run out";
    if (!AdopterFindsWholeRuns()) return "adoption between the steps of a recovery";
    for (const CrashScenario& scenario : AllCrashScenarios()) {
      const CrashReport report = EnumerateCrashes(scenario, 0);
      if (report.violations > 0) return "crash states: " + report.first_problem;
    }
  }
  const TortureReport plain = TorturePool({.kills = 600});
  if (plain.problems() > 0) {
    return "kill " + std::to_string(plain.kills) + ": " + plain.first_problem;
  }
  const TortureReport delayed = TorturePool({.kills = 10000, .delay = DelayAtRandom});
  if (delayed.problems() > 0) {
    return "kill " + std::to_string(delayed.kills) + ", with delays: " + delayed.first_problem;
  }
  return "";
}

}  // namespace

int RunMutants(const std::string& word) {
  size_t noticed = 0;
  size_t tried = 0;
  for (const Mutant& mutant : kMutants) {
    if (std::string(mutant.name).find(word) == std::string::npos) continue;
    ++tried;
    broken_rule = mutant.rule;
    const std::string who = WhoNotices();
    broken_rule = PoolRule::kNone;
    noticed += who.empty() ? 0 : 1;
    std::printf("%-40s %s\n", mutant.name, who.empty() ? "NOT NOTICED" : who.c_str());
    std::fflush(stdout);
  }
  std::printf("%zu of %zu mutants noticed\n", noticed, tried);
  return tried > 0 && noticed == tried ? 0 : 1;
}

}  // namespace memtiers
