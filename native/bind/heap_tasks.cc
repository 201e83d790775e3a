#include "bind/heap_tasks.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "bind/arguments.h"
#include "bind/errors.h"
#include "bind/run_task.h"
#include "migrate/move_job.h"
#include "sys/mapping.h"
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

// Whole pages of a run that one backend has.
struct Part {
  const Backend* backend;
  std::byte* address;
  size_t bytes;
};

// The table belongs to the environment's thread, so what backs which bytes is looked up before a
// task runs.
std::vector<Part> FindParts(const Heap& heap, const RunBytes& range, std::byte* address) {
  std::vector<Part> parts;
  const uint64_t begin = range.offset / PageBytes() * PageBytes();
  const uint64_t end = AlignUp(range.offset + range.length, PageBytes());
  std::byte* const run = address - range.offset;
  for (uint64_t at = begin; at < end;) {
    const uint64_t next = std::min<uint64_t>(end, (at / kChunkBytes + 1) * kChunkBytes);
    const auto chunk = static_cast<uint32_t>(range.first + at / kChunkBytes);
    const Backend& backend = heap.backend(heap.BackendOf(chunk).value());
    if (!parts.empty() && parts.back().backend == &backend) {
      parts.back().bytes += next - at;
    } else {
      parts.push_back({.backend = &backend, .address = run + at, .bytes = next - at});
    }
    at = next;
  }
  return parts;
}

class PrefaultTask final : public RunTask {
 public:
  PrefaultTask(std::shared_ptr<HeapState> state, const RunBytes& range, std::byte* address)
      : RunTask(std::move(state), range), parts_(FindParts(heap(), range, address)) {}

 private:
  void Run() override {
    for (const Part& part : parts_) {
      status_ = part.backend->Prefault(part.address, part.bytes);
      // The kernel says that there is a loss, a touch says where.
      if (status_.code() == Code::kLost) TouchForRead(part.address, part.bytes);
      if (!status_.ok()) return;
    }
  }

  std::vector<Part> parts_;
};

class FlushTask final : public RunTask {
 public:
  FlushTask(std::shared_ptr<HeapState> state, const RunBytes& range, std::byte* address)
      : RunTask(std::move(state), range), parts_(FindParts(heap(), range, address)) {}

 private:
  void Run() override {
    for (const Part& part : parts_) {
      const Result<bool> flushed = part.backend->Flush(part.address, part.bytes);
      status_ = flushed.status();
      if (!status_.ok()) return;
      durable_ = durable_ && flushed.value();
    }
  }
  Napi::Value ToValue(Napi::Env env) override { return Napi::Boolean::New(env, durable_); }

  std::vector<Part> parts_;
  bool durable_ = true;
};

class WriteTask final : public RunTask {
 public:
  WriteTask(std::shared_ptr<HeapState> state, const RunBytes& range, std::byte* address,
            const Napi::Uint8Array& source)
      : RunTask(std::move(state), range),
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

}  // namespace

std::unique_ptr<Task> MakePrefault(Napi::Env env, std::shared_ptr<HeapState> state,
                                   const RunBytes& range) {
  std::byte* const address = Locate(env, *state, range);
  return std::make_unique<PrefaultTask>(std::move(state), range, address);
}

std::unique_ptr<Task> MakeFlush(Napi::Env env, std::shared_ptr<HeapState> state,
                                const RunBytes& range) {
  std::byte* const address = Locate(env, *state, range);
  return std::make_unique<FlushTask>(std::move(state), range, address);
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
