#include "crash_states.h"

#include <doctest/doctest.h>

namespace memtiers {

// The thread sanitizer makes hundreds of instructions of one, and there is one thread.
#ifndef __SANITIZE_THREAD__

namespace {

// The address sanitizer makes forty; a few operations show that it finds nothing.
#ifdef __SANITIZE_ADDRESS__
constexpr size_t kEvery = 5;
#else
constexpr size_t kEvery = 1;
#endif

}  // namespace

TEST_CASE("a member that dies at any instruction leaves a pool that can be gone on with") {
  const std::vector<CrashScenario> scenarios = AllCrashScenarios();
  for (size_t i = 0; i < scenarios.size(); i += kEvery) {
    const CrashScenario& scenario = scenarios[i];
    const CrashReport report = EnumerateCrashes(scenario, 0);
    INFO("first problem: ", report.first_problem);
    CHECK(report.violations == 0);
    CHECK(report.states >= 4);
    CHECK(report.instructions > 100);
  }
}

#endif

}  // namespace memtiers
