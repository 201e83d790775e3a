#include "bind/latency_task.h"

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "bind/errors.h"
#include "bind/run_task.h"
#include "measure/latency_probe.h"
#include "measure/runs.h"
#include "sys/cpu_clock.h"

namespace memtiers {

// A probe is made where it is used first, on the thread pool: that writes a megabyte.
struct RunProbe {
  std::optional<LatencyProbe> probe;
  bool busy = false;
};

namespace {

// An interrupt or another guest spoils one of them.
constexpr int kMeasurements = 3;

class MeasureLatencyTask final : public RunTask {
 public:
  MeasureLatencyTask(std::shared_ptr<HeapState> state, const RunView& run,
                     std::shared_ptr<RunProbe> probe)
      : RunTask(std::move(state),
                {.first = run.first, .offset = 0, .length = LatencyProbe::kBytes}),
        address_(run.address),
        probe_(std::move(probe)) {
    probe_->busy = true;
  }

 private:
  void Run() override {
    const std::chrono::nanoseconds before = ThreadCpuTime();
    if (!probe_->probe.has_value()) {
      Result<LatencyProbe> made = LatencyProbe::Create(address_);
      status_ = made.status();
      if (!made.ok()) return;
      probe_->probe = made.value();
    }
    std::vector<double> measured(kMeasurements);
    for (double& ns : measured) ns = probe_->probe->MeasureNs();
    latency_ns_ = SpreadOf(std::move(measured)).median;
    cost_ = ThreadCpuTime() - before;
  }
  Status Finish() override {
    probe_->busy = false;
    return RunTask::Finish();
  }
  Napi::Value ToValue(Napi::Env env) override {
    Napi::Object value = Napi::Object::New(env);
    value.Set("latencyNs", latency_ns_);
    value.Set("costNs", static_cast<double>(cost_.count()));
    return value;
  }

  std::byte* address_;
  std::shared_ptr<RunProbe> probe_;
  double latency_ns_ = 0;
  std::chrono::nanoseconds cost_{};
};

}  // namespace

std::unique_ptr<Task> LatencyProbes::Measure(Napi::Env env, const std::shared_ptr<HeapState>& state,
                                             uint32_t first) {
  static_assert(LatencyProbe::kBytes <= kChunkBytes);
  const RunView run = ValueOrThrow(env, state->heap().RunAt(first));
  std::shared_ptr<RunProbe>& probe = probes_[first];
  if (probe == nullptr) probe = std::make_shared<RunProbe>();
  if (probe->busy) ThrowIfFailed(env, {Code::kBusy, "this run is measured already"});
  return std::make_unique<MeasureLatencyTask>(state, run, probe);
}

}  // namespace memtiers
