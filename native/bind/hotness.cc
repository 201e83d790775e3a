#include "bind/hotness.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bind/arguments.h"
#include "bind/errors.h"
#include "bind/task.h"
#include "track/hotness_source.h"

namespace memtiers {
namespace {

// Marks our objects, so that a method called on somebody else's is an error and not a wild pointer.
constexpr napi_type_tag kSourceTag = {0x6d656d74'69657273, 0x686f746e'00000001};

// A source with what it watches, shared by its object and the collection under way.
class Watcher {
 public:
  Watcher(std::shared_ptr<HeapState> state, std::unique_ptr<HotnessSource> source)
      : state_(std::move(state)), source_(std::move(source)) {}

  Heap& heap() const { return state_->heap(); }
  HotnessSource& source() const { return *source_; }
  bool busy() const { return busy_; }
  bool closed() const { return closed_; }

  // Watches these chunks from the next collection on. kInvalid: one of them is of no run.
  Status Watch(std::vector<uint32_t> chunks) {
    for (const uint32_t chunk : chunks) {
      Status known = heap().PartOfRun(chunk, 1).status();
      if (!known.ok()) return known;
    }
    chunks_ = std::move(chunks);
    return busy_ ? Status() : Apply();
  }

  // Tells the source where the chunks are now. Those of runs freed since are left out.
  Status Apply() {
    std::vector<WatchedChunk> watched;
    watched.reserve(chunks_.size());
    for (const uint32_t chunk : chunks_) {
      const Result<RunView> view = heap().PartOfRun(chunk, 1);
      if (view.ok()) watched.push_back({.chunk = chunk, .address = view.value().address});
    }
    const auto same = [](const WatchedChunk& a, const WatchedChunk& b) {
      return a.chunk == b.chunk && a.address == b.address;
    };
    if (std::equal(watched.begin(), watched.end(), applied_.begin(), applied_.end(), same)) {
      return {};
    }
    Status status = source_->Watch(watched);
    if (status.ok()) applied_ = std::move(watched);
    return status;
  }

  void BeginCollection() {
    busy_ = true;
    for (const WatchedChunk& watched : applied_) {
      // Addresses of the heap's own window stay its own, whatever becomes of the run; those of a
      // library are somebody else's when it has the memory back.
      const uint32_t backend = heap().BackendOf(watched.chunk).value();
      if (heap().backend(backend).fixed_address()) continue;
      const uint32_t first = heap().FirstOfRun(watched.chunk);
      if (used_.insert(first).second) heap().BeginUse(first);
    }
  }

  void EndCollection() {
    busy_ = false;
    if (closed_) source_.reset();
    for (const uint32_t first : std::exchange(used_, {})) heap().EndUse(first);
  }

  void Close() {
    closed_ = true;
    if (!busy_) source_.reset();
  }

 private:
  std::shared_ptr<HeapState> state_;  // outlives the source, whose end looks at the heap's memory
  std::unique_ptr<HotnessSource> source_;
  std::vector<uint32_t> chunks_;
  std::vector<WatchedChunk> applied_;
  std::set<uint32_t> used_;  // first chunks of runs
  bool busy_ = false;
  bool closed_ = false;
};

Napi::Uint32Array ToColumn(Napi::Env env, const std::vector<ChunkAccesses>& chunks,
                           uint32_t ChunkAccesses::* field) {
  Napi::Uint32Array column = Napi::Uint32Array::New(env, chunks.size());
  for (size_t i = 0; i < chunks.size(); ++i) column[i] = chunks[i].*field;
  return column;
}

class CollectTask final : public Task {
 public:
  explicit CollectTask(std::shared_ptr<Watcher> watcher) : watcher_(std::move(watcher)) {
    watcher_->BeginCollection();
  }

 private:
  void Run() override {
    Result<Collection> collected = watcher_->source().Collect();
    status_ = collected.status();
    if (collected.ok()) collection_ = std::move(collected.value());
  }
  Status Finish() override {
    watcher_->EndCollection();
    return status_;
  }
  Napi::Value ToValue(Napi::Env env) override {
    Napi::Object value = Napi::Object::New(env);
    value.Set("chunks", ToColumn(env, collection_.chunks, &ChunkAccesses::chunk));
    value.Set("reads", ToColumn(env, collection_.chunks, &ChunkAccesses::reads));
    value.Set("writes", ToColumn(env, collection_.chunks, &ChunkAccesses::writes));
    value.Set("costNs", static_cast<double>(collection_.cost.count()));
    value.Set("scannedBytes", static_cast<double>(collection_.scanned_bytes));
    return value;
  }

  std::shared_ptr<Watcher> watcher_;
  Status status_;
  Collection collection_;
};

class SourceObject {
 public:
  explicit SourceObject(std::shared_ptr<Watcher> watcher) : watcher_(std::move(watcher)) {}
  SourceObject(const SourceObject&) = delete;
  SourceObject& operator=(const SourceObject&) = delete;
  ~SourceObject() { watcher_->Close(); }

  Napi::Value Watch(const Napi::CallbackInfo& info) {
    const bool numbers = info[0].IsTypedArray() &&
                         info[0].As<Napi::TypedArray>().TypedArrayType() == napi_uint32_array;
    if (!numbers) ThrowInvalid(info.Env(), "chunks", "a Uint32Array");
    CheckOpen(info.Env());
    const auto array = info[0].As<Napi::Uint32Array>();
    ThrowIfFailed(info.Env(),
                  watcher_->Watch({array.Data(), array.Data() + array.ElementLength()}));
    return info.Env().Undefined();
  }

  Napi::Value Collect(const Napi::CallbackInfo& info) {
    CheckOpen(info.Env());
    if (watcher_->busy()) {
      ThrowIfFailed(info.Env(), {Code::kBusy, "this source is collecting already"});
    }
    ThrowIfFailed(info.Env(), watcher_->Apply());
    return Task::Start(info.Env(), std::make_unique<CollectTask>(watcher_));
  }

  Napi::Value Close(const Napi::CallbackInfo& info) {
    watcher_->Close();
    return info.Env().Undefined();
  }

  using Method = Napi::Value (SourceObject::*)(const Napi::CallbackInfo&);
  // One JavaScript function for one method.
  template <Method method>
  static Napi::Value Call(const Napi::CallbackInfo& info) {
    try {
      return (From(info).*method)(info);
    } catch (const std::bad_alloc&) {
      throw ToError(info.Env(), Status::FromErrno(ENOMEM, "", "the source's own tables"));
    }
  }

 private:
  static SourceObject& From(const Napi::CallbackInfo& info) {
    void* object = nullptr;
    const bool ours = info.This().IsObject() &&
                      info.This().As<Napi::Object>().CheckTypeTag(&kSourceTag) &&
                      napi_unwrap(info.Env(), info.This(), &object) == napi_ok;
    if (!ours) ThrowInvalid(info.Env(), "this", "a hotness source");
    return *static_cast<SourceObject*>(object);
  }

  void CheckOpen(Napi::Env env) const {
    if (watcher_->closed()) ThrowIfFailed(env, {Code::kClosed, "the hotness source is closed"});
    if (watcher_->heap().closed()) ThrowIfFailed(env, {Code::kClosed, "the heap is closed"});
  }

  std::shared_ptr<Watcher> watcher_;
};

template <auto method>
void Define(Napi::Object object, const char* name) {
  object.Set(name, Napi::Function::New<SourceObject::Call<method>>(object.Env(), name));
}

HotnessKind ToKind(Napi::Value value) {
  const std::string name = ToText(value, "kind");
  std::string known;
  for (const HotnessKind kind :
       {HotnessKind::kDamon, HotnessKind::kWriteProtect, HotnessKind::kReferenced,
        HotnessKind::kPmu, HotnessKind::kPageCache}) {
    if (name == HotnessKindName(kind)) return kind;
    known += std::string(known.empty() ? "" : ", ") + HotnessKindName(kind);
  }
  ThrowInvalid(value.Env(), "kind", "one of " + known);
}

}  // namespace

Napi::Value DescribeHotnessSources(const Napi::CallbackInfo& info) {
  const std::vector<HotnessProbe> probes = ProbeHotnessSources();
  Napi::Array array = Napi::Array::New(info.Env(), probes.size());
  for (uint32_t i = 0; i < probes.size(); ++i) {
    Napi::Object object = Napi::Object::New(info.Env());
    object.Set("kind", HotnessKindName(probes[i].kind));
    object.Set("available", probes[i].available);
    object.Set("seesReads", probes[i].sees_reads);
    object.Set("seesWrites", probes[i].sees_writes);
    object.Set("detail", probes[i].detail);
    array.Set(i, object);
  }
  return array;
}

Napi::Value MakeHotnessSource(const Napi::CallbackInfo& info, std::shared_ptr<HeapState> state) {
  const Napi::Env env = info.Env();
  const HotnessKind kind = ToKind(info[0]);
  if (state->heap().closed()) ThrowIfFailed(env, {Code::kClosed, "the heap is closed"});
  std::unique_ptr<HotnessSource> source = ValueOrThrow(env, OpenHotnessSource(kind));
  auto wrapped = std::make_unique<SourceObject>(
      std::make_shared<Watcher>(std::move(state), std::move(source)));
  Napi::Object object = Napi::Object::New(env);
  const auto finalize = [](napi_env, void* data, void*) {
    delete static_cast<SourceObject*>(data);
  };
  if (napi_wrap(env, object, wrapped.get(), finalize, nullptr, nullptr) != napi_ok) {
    throw Napi::Error::New(env);
  }
  (void)wrapped.release();  // the object's finalizer deletes it
  object.TypeTag(&kSourceTag);
  object.Set("kind", HotnessKindName(kind));
  Define<&SourceObject::Watch>(object, "watch");
  Define<&SourceObject::Collect>(object, "collect");
  Define<&SourceObject::Close>(object, "close");
  return object;
}

}  // namespace memtiers
