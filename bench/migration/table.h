// What the native benches share: interleaved cases, printed as one JSON object a line.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "base/status.h"

namespace memtiers {

// Moved by each case.
inline constexpr uint32_t kChunks = 16;

double Nanoseconds(std::chrono::steady_clock::duration time);

// 0 of none.
double Quantile(std::vector<double> values, double share);

// Ends the process, saying why.
[[noreturn]] void Fail(const Status& status);

template <typename T>
T Need(Result<T> result) {
  if (!result.ok()) Fail(result.status());
  return std::move(result.value());
}

struct Case {
  const char* name;
  std::function<double()> run;  // nanoseconds a chunk
};

// Runs the cases in turns and prints their medians, and their speeds beside the first case's.
void RunTable(const char* title, int rounds, const std::vector<Case>& cases);

}  // namespace memtiers
