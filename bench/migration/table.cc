#include "table.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace memtiers {

double Nanoseconds(std::chrono::steady_clock::duration time) {
  return static_cast<double>(std::chrono::nanoseconds(time).count());
}

double Quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1,
                         static_cast<size_t>(static_cast<double>(values.size()) * share))];
}

[[noreturn]] void Fail(const Status& status) {
  std::fprintf(stderr, "%s %s\n", status.syscall(), status.what().c_str());
  std::exit(1);
}

void RunTable(const char* title, int rounds, const std::vector<Case>& cases) {
  std::vector<std::vector<double>> times(cases.size());
  for (int round = -1; round < rounds; ++round) {
    for (size_t i = 0; i < cases.size(); ++i) {
      const double time = cases[i].run();
      if (round >= 0) times[i].push_back(time);
    }
  }
  for (size_t i = 0; i < cases.size(); ++i) {
    std::vector<double> ratios;
    for (int round = 0; round < rounds; ++round)
      ratios.push_back(times[0][round] / times[i][round]);
    std::printf("{\"table\":\"%s\",\"name\":\"%s\",\"ns\":%.0f,\"speed\":%.4f,\"iqr\":%.4f}\n",
                title, cases[i].name, Quantile(times[i], 0.5), Quantile(ratios, 0.5),
                Quantile(ratios, 0.75) - Quantile(ratios, 0.25));
  }
}

}  // namespace memtiers
