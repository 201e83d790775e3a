#include "bind/heap_tasks.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "bind/arguments.h"
#include "bind/errors.h"
#include "measure/calibrate.h"
#include "measure/calibrate_file.h"
#include "migrate/move_job.h"
#include "sys/probe.h"

namespace memtiers {
namespace {

// Address of the range's first byte; throws unless all of it is inside the run.
std::byte* Locate(Napi::Env env, const HeapState& state, const RunBytes& range) {
  const RunView run = ValueOrThrow(env, state.heap().RestOfRun(range.first));
  const uint64_t bytes = run.chunks * kChunkBytes;
  if (range.offset > bytes || range.length > bytes - range.offset) {
    ThrowInvalid(env, "byteOffset + byteLength", "within the run");
  }
  return run.address + range.offset;
}

// Keeps a run mapped while a task works on it.
class RunTask : public Task {
 public:
  RunTask(std::shared_ptr<HeapState> state, uint32_t first)
      : state_(std::move(state)), first_(first) {
    state_->heap().BeginUse(first_);
  }

 protected:
  Status Finish() override {
    state_->heap().EndUse(first_);
    return status_;
  }

  Heap& heap() { return state_->heap(); }

  Status status_;

 private:
  std::shared_ptr<HeapState> state_;
  uint32_t first_;
};

class PrefaultTask final : public RunTask {
 public:
  PrefaultTask(std::shared_ptr<HeapState> state, const RunBytes& range, std::byte* address)
      : RunTask(std::move(state), range.first) {
    // The table belongs to the environment's thread, so what backs which bytes is looked up here.
    const uint64_t begin = range.offset / PageBytes() * PageBytes();
    const uint64_t end = AlignUp(range.offset + range.length, PageBytes());
    std::byte* const run = address - range.offset;
    for (uint64_t at = begin; at < end;) {
      const uint64_t next = std::min<uint64_t>(end, (at / kChunkBytes + 1) * kChunkBytes);
      const auto chunk = static_cast<uint32_t>(range.first + at / kChunkBytes);
      const Backend& backend = heap().backend(heap().BackendOf(chunk).value());
      parts_.push_back({.backend = &backend, .address = run + at, .bytes = next - at});
      at = next;
    }
  }

 private:
  struct Part {
    const Backend* backend;
    std::byte* address;
    size_t bytes;
  };

  void Run() override {
    for (const Part& part : parts_) {
      status_ = part.backend->Prefault(part.address, part.bytes);
      if (!status_.ok()) return;
    }
  }

  std::vector<Part> parts_;
};

class WriteTask final : public RunTask {
 public:
  WriteTask(std::shared_ptr<HeapState> state, const RunBytes& range, std::byte* address,
            const Napi::Uint8Array& source)
      : RunTask(std::move(state), range.first),
        address_(address),
        bytes_(source.Data()),
        length_(source.ByteLength()),
        source_(Napi::Persistent(source)) {}

 private:
  void Run() override { std::memcpy(address_, bytes_, length_); }

  std::byte* address_;
  const uint8_t* bytes_;
  size_t length_;
  Napi::Reference<Napi::Uint8Array> source_;  // keeps the bytes alive
};

class MovePagesTask final : public Task {
 public:
  MovePagesTask(std::shared_ptr<HeapState> state, MoveJob job)
      : state_(std::move(state)), job_(std::move(job)) {}

 private:
  void Run() override { job_.Run(); }
  Status Finish() override {
    result_ = job_.Finish(state_->heap());
    return {};
  }
  Napi::Value ToValue(Napi::Env env) override { return memtiers::ToValue(env, result_); }

  std::shared_ptr<HeapState> state_;
  MoveJob job_;
  MoveResult result_;
};

Napi::Value CalibrationToValue(Napi::Env env, const Calibration& figures) {
  Napi::Object value = Napi::Object::New(env);
  value.Set("readLatencyNs", figures.read_latency_ns);
  value.Set("readLatencyIqrNs", figures.read_latency_iqr_ns);
  value.Set("readBytesPerSecond", figures.read_bytes_per_second);
  value.Set("writeBytesPerSecond", figures.write_bytes_per_second);
  value.Set("workingSetBytes", static_cast<double>(figures.working_set_bytes));
  return value;
}

// Measures memory of a run that it frees when it has finished.
class CalibrateTask final : public RunTask {
 public:
  CalibrateTask(std::shared_ptr<HeapState> state, const RunView& run,
                std::chrono::nanoseconds duration)
      : RunTask(std::move(state), run.first), run_(run), duration_(duration) {}

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
  const uint64_t room = (stats.value().capacity_bytes - stats.value().mapped_bytes) / kChunkBytes;
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

std::unique_ptr<Task> MakePrefault(Napi::Env env, std::shared_ptr<HeapState> state,
                                   const RunBytes& range) {
  std::byte* const address = Locate(env, *state, range);
  return std::make_unique<PrefaultTask>(std::move(state), range, address);
}

std::unique_ptr<Task> MakeWrite(Napi::Env env, std::shared_ptr<HeapState> state,
                                const RunBytes& range, const Napi::Uint8Array& source) {
  std::byte* const address = Locate(env, *state, range);
  return std::make_unique<WriteTask>(std::move(state), range, address, source);
}

std::unique_ptr<Task> MakeMovePages(Napi::Env env, std::shared_ptr<HeapState> state, uint32_t first,
                                    uint32_t chunks, uint32_t backend) {
  MoveJob job = ValueOrThrow(env, MoveJob::Begin(state->heap(), first, chunks, backend));
  return std::make_unique<MovePagesTask>(std::move(state), std::move(job));
}

Napi::Value ToValue(Napi::Env env, const MoveResult& result) {
  Napi::Object reasons = Napi::Object::New(env);
  for (const auto& [reason, pages] : result.reasons) {
    reasons.Set(reason, Napi::Number::New(env, static_cast<double>(pages)));
  }
  Napi::Object value = Napi::Object::New(env);
  value.Set("tried", Napi::Number::New(env, result.tried));
  value.Set("applied", Napi::Number::New(env, result.applied));
  value.Set("failed", Napi::Number::New(env, result.failed));
  value.Set("copiedBytes", Napi::Number::New(env, static_cast<double>(result.copied_bytes)));
  value.Set("durationNs", Napi::Number::New(env, static_cast<double>(result.duration.count())));
  value.Set("reasons", reasons);
  return value;
}

}  // namespace memtiers
