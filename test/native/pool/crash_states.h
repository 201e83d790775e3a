// Every state of a pool that a death can leave: a process is stepped instruction by instruction
// through an operation, and at each change of the pool's memory a copy is recovered by somebody
// else and looked through.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pool/pool.h"

namespace memtiers {

// No value, for CrashScenario::allowed.
inline constexpr uint64_t kNoValue = 0;

struct CrashScenario {
  std::string name;
  // What the process to be stepped has done before.
  std::function<void(const std::shared_ptr<const PoolFile>& file, Pool& own)> prepare;
  // Then what another member, who stays alive, does. What it holds it tells.
  std::function<void(Pool& other, std::vector<Held>& held)> meanwhile;
  // What is stepped; it may end the membership.
  std::function<void(std::unique_ptr<Pool>& own)> operation;
  // Which values each key may have afterwards, whenever the process died.
  std::map<std::string, std::vector<uint64_t>> allowed;
};

struct CrashReport {
  uint64_t instructions = 0;
  uint64_t states = 0;
  uint64_t nested_states = 0;  // of recoveries that were stepped in their turn
  uint64_t violations = 0;
  std::string first_problem;
};

// `nest_every`: of every so manieth state the recovery is stepped too; 0: of none.
CrashReport EnumerateCrashes(const CrashScenario& scenario, uint64_t nest_every);

// All operations.
std::vector<CrashScenario> AllCrashScenarios();

}  // namespace memtiers
