#include "bind/heap_tasks.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "bind/arguments.h"
#include "bind/errors.h"
#include "bind/run_task.h"
#include "bind/source_bytes.h"
#include "migrate/live_move.h"
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
  bool shadowed;
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
    const bool shadowed = heap.HasShadow(chunk);
    if (!parts.empty() && parts.back().backend == &backend && parts.back().shadowed == shadowed) {
      parts.back().bytes += next - at;
    } else {
      parts.push_back(
          {.backend = &backend, .address = run + at, .bytes = next - at, .shadowed = shadowed});
    }
    at = next;
  }
  return parts;
}

class PrefaultTask final : public RunTask {
 public:
  PrefaultTask(std::shared_ptr<HeapState> state, const RunBytes& range, std::vector<Part> parts)
      : RunTask(std::move(state), range), parts_(std::move(parts)) {}

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

// The same for pages of files alone. The run may be freed, or its chunks moved, while this is under
// way: reading ahead must not be what keeps memory from being given back, and the address space
// stays reserved for as long as the state is held. Backends are gone sooner, and so not asked.
class FilePrefaultTask final : public Task {
 public:
  FilePrefaultTask(std::shared_ptr<HeapState> state, const RunBytes& range, std::vector<Part> parts)
      : state_(std::move(state)), range_(range), parts_(std::move(parts)) {}

  static bool CanRun(const std::vector<Part>& parts) {
    return CanPopulate() && std::ranges::all_of(parts, [](const Part& part) {
             return part.backend->kind() == BackendKind::kFile;
           });
  }

 private:
  void Run() override {
    // With DAX there is nothing to read, and this does nothing.
    for (const Part& part : parts_) StartReading(part.address, part.bytes);
    for (const Part& part : parts_) {
      status_ = PopulateReadIfMapped(part.address, part.bytes);
      if (status_.code() == Code::kLost) FindLost(part);
      if (!status_.ok()) return;
    }
  }

  void FindLost(const Part& part) {
    for (size_t offset = 0; offset < part.bytes; offset += PageBytes()) {
      const std::byte* page = part.address + offset;
      if (PopulateReadIfMapped(page, PageBytes()).code() == Code::kLost) lost_.push_back(page);
    }
  }

  Status Finish() override {
    const Heap& heap = state_->heap();
    // Freed meanwhile: nobody asks any more.
    if (!heap.PartOfRun(range_.first, ChunksOf(range_)).ok()) return {};
    // The kernel says that a page is lost, a touch puts it on record. It takes no time: there is
    // nothing to read.
    for (const std::byte* page : lost_) TouchForRead(page, PageBytes());
    if (!status_.ok() && status_.code() != Code::kLost) return status_;
    return heap.CheckIntact(range_.first, range_.offset, range_.length);
  }

  static uint32_t ChunksOf(const RunBytes& range) {
    const uint64_t end = std::max<uint64_t>(range.offset + range.length, 1);
    return static_cast<uint32_t>(AlignUp(end, kChunkBytes) / kChunkBytes);
  }

  std::shared_ptr<HeapState> state_;
  RunBytes range_;
  std::vector<Part> parts_;
  std::vector<const std::byte*> lost_;
  Status status_;
};

class FlushTask final : public RunTask {
 public:
  FlushTask(std::shared_ptr<HeapState> state, const RunBytes& range, std::byte* address)
      : RunTask(std::move(state), range),
        first_(heap().FirstOfRun(range.first)),
        // Before the parts are looked up: they stay what they are until the end.
        pinned_(heap().Pin(first_).ok()),
        parts_(FindParts(heap(), range, address)),
        // A move that has ended and is not in the books yet: nobody knows what is behind the bytes.
        durable_(!heap().Moving(first_)) {}

 private:
  void Run() override {
    for (const Part& part : parts_) {
      const Result<bool> flushed = part.backend->Flush(part.address, part.bytes);
      status_ = flushed.status();
      if (!status_.ok()) return;
      durable_ = durable_ && flushed.value();
    }
  }
  Status Finish() override {
    if (pinned_) (void)heap().Unpin(first_);
    return RunTask::Finish();
  }
  Napi::Value ToValue(Napi::Env env) override { return Napi::Boolean::New(env, durable_); }

  uint32_t first_;
  bool pinned_;
  std::vector<Part> parts_;
  bool durable_;
};

class WriteTask final : public RunTask {
 public:
  WriteTask(std::shared_ptr<HeapState> state, const RunBytes& range, std::byte* address,
            const Napi::Uint8Array& source)
      : RunTask(std::move(state), range), address_(address), source_(source) {}

 private:
  void Run() override { status_ = source_.CopyTo({address_, source_.size()}); }
  Napi::Value ToValue(Napi::Env env) override {
    if (!source_.Intact()) throw ToError(env, SourceBytes::TakenAway());
    return env.Undefined();
  }

  std::byte* address_;
  SourceBytes source_;
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

class MoveChunkTask final : public Task {
 public:
  MoveChunkTask(std::shared_ptr<HeapState> state, LiveMove move)
      : state_(std::move(state)), move_(std::move(move)) {}

 private:
  void Run() override { move_.Run(); }
  Status Finish() override {
    const Result<MoveResult> result = move_.Finish(state_->heap());
    if (result.ok()) {
      result_ = result.value();
    } else if (result.status().error() == ECANCELED) {
      result_ = {.tried = 1, .applied = 0, .failed = 1, .reasons = {{"CANCELLED", 1}}};
    } else {
      return result.status();
    }
    return {};
  }
  Napi::Value ToValue(Napi::Env env) override { return memtiers::ToValue(env, result_); }

  std::shared_ptr<HeapState> state_;
  LiveMove move_;
  MoveResult result_;
};

}  // namespace

std::unique_ptr<Task> MakePrefault(Napi::Env env, std::shared_ptr<HeapState> state,
                                   const RunBytes& range) {
  std::byte* const address = Locate(env, *state, range);
  std::vector<Part> parts = FindParts(state->heap(), range, address);
  // Chunks with a shadow are in memory as a whole, and to be populated for writing would end it.
  std::erase_if(parts, [&](const Part& part) { return part.shadowed; });
  if (FilePrefaultTask::CanRun(parts)) {
    return std::make_unique<FilePrefaultTask>(std::move(state), range, std::move(parts));
  }
  return std::make_unique<PrefaultTask>(std::move(state), range, std::move(parts));
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

std::unique_ptr<Task> MakeMoveChunk(Napi::Env env, std::shared_ptr<HeapState> state, uint32_t chunk,
                                    uint32_t backend) {
  LiveMove move = ValueOrThrow(env, LiveMove::Begin(state->heap(), chunk, backend));
  return std::make_unique<MoveChunkTask>(std::move(state), std::move(move));
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
  value.Set("pauseNs", Napi::Number::New(env, static_cast<double>(result.pause.count())));
  value.Set("reasons", reasons);
  return value;
}

}  // namespace memtiers
