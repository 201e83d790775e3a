#include "bind/calibrate_task.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "bind/errors.h"
#include "bind/run_task.h"
#include "measure/calibrate.h"
#include "measure/calibrate_file.h"

namespace memtiers {
namespace {

Napi::Value CalibrationToValue(Napi::Env env, const Calibration& figures) {
  Napi::Object value = Napi::Object::New(env);
  value.Set("readLatencyNs", figures.read_latency_ns);
  value.Set("readLatencyIqrNs", figures.read_latency_iqr_ns);
  value.Set("readBytesPerSecond", figures.read_bytes_per_second);
  value.Set("writeBytesPerSecond", figures.write_bytes_per_second);
  value.Set("workingSetBytes", static_cast<double>(figures.working_set_bytes));
  return value;
}

// Measures memory of a run that it frees when it has finished. Figures of memory that was lost
// meanwhile are none.
class CalibrateTask final : public RunTask {
 public:
  CalibrateTask(std::shared_ptr<HeapState> state, const RunView& run,
                std::chrono::nanoseconds duration)
      : RunTask(std::move(state),
                {.first = run.first, .offset = 0, .length = run.chunks * kChunkBytes}),
        run_(run),
        duration_(duration) {}

 private:
  void Run() override {
    Result<Calibration> measured = Calibrate(run_.address, run_.chunks * kChunkBytes, duration_);
    status_ = measured.status();
    if (measured.ok()) figures_ = measured.value();
  }
  Status Finish() override {
    if (!heap().closed()) (void)heap().Free(run_.first);
    return RunTask::Finish();
  }
  Napi::Value ToValue(Napi::Env env) override { return CalibrationToValue(env, figures_); }

  RunView run_;
  std::chrono::nanoseconds duration_;
  Calibration figures_;
};

class CalibrateDriveTask final : public Task {
 public:
  CalibrateDriveTask(std::string directory, uint64_t bytes, std::chrono::nanoseconds duration)
      : directory_(std::move(directory)), bytes_(bytes), duration_(duration) {}

 private:
  void Run() override {
    Result<Calibration> measured = CalibrateFile(directory_, bytes_, duration_);
    status_ = measured.status();
    if (measured.ok()) figures_ = measured.value();
  }
  Status Finish() override { return status_; }
  Napi::Value ToValue(Napi::Env env) override { return CalibrationToValue(env, figures_); }

  std::string directory_;
  uint64_t bytes_;
  std::chrono::nanoseconds duration_;
  Status status_;
  Calibration figures_;
};

// The largest run of at most `chunks` chunks there is room for.
Result<uint32_t> AllocateUpTo(Heap& heap, uint32_t backend, uint64_t chunks) {
  const Result<HeapBackendStats> stats = heap.Stats(backend);
  if (!stats.ok()) return stats.status();
  const uint64_t room = (stats.value().capacity_bytes - stats.value().mapped_bytes) / kChunkBytes -
                        stats.value().retired_chunks;
  chunks = std::clamp<uint64_t>(chunks, 1, std::max<uint64_t>(room, 1));
  for (;; chunks /= 2) {
    Result<uint32_t> first = heap.Allocate(backend, static_cast<uint32_t>(chunks));
    if (first.ok() || chunks == 1 || first.status().code() != Code::kFull) return first;
  }
}

}  // namespace

std::unique_ptr<Task> MakeCalibrate(Napi::Env env, const std::shared_ptr<HeapState>& state,
                                    uint32_t backend, uint64_t bytes,
                                    std::chrono::nanoseconds duration) {
  Heap& heap = state->heap();
  ThrowIfFailed(env, heap.CheckBackend(backend));
  const std::optional<std::string> drive = heap.backend(backend).drive_directory();
  if (drive.has_value()) return std::make_unique<CalibrateDriveTask>(*drive, bytes, duration);
  const uint32_t first = ValueOrThrow(env, AllocateUpTo(heap, backend, bytes / kChunkBytes));
  return std::make_unique<CalibrateTask>(state, heap.RunAt(first).value(), duration);
}

}  // namespace memtiers
