#include "bind/heap.h"

#include <cerrno>
#include <chrono>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "bind/arguments.h"
#include "bind/backend_config.h"
#include "bind/calibrate_task.h"
#include "bind/errors.h"
#include "bind/external_buffer.h"
#include "bind/heap_state.h"
#include "bind/heap_tasks.h"
#include "bind/hotness.h"
#include "bind/latency_task.h"
#include "bind/run_buffers.h"
#include "memory/page_placement.h"
#include "memory/striped_pages.h"
#include "migrate/reback.h"
#include "migrate/strays.h"
#include "sys/probe.h"
#include "sys/userfaultfd.h"

namespace memtiers {
namespace {

// Marks our objects, so that a method called on somebody else's is an error and not a wild pointer.
constexpr napi_type_tag kHeapTag = {0x6d656d74'69657273, 0x68656170'00000001};

const char* StripeMethodName(StripeMethod method) {
  switch (method) {
    case StripeMethod::kKernel:
      return "kernel";
    case StripeMethod::kPlaced:
      return "pages";
    case StripeMethod::kNone:
      return "none";
  }
  return "none";
}

class HeapObject {
 public:
  HeapObject(Napi::Env env, std::unique_ptr<Heap> heap)
      : state_(std::make_shared<HeapState>(env, std::move(heap))) {}

  Napi::Value AddBackend(const Napi::CallbackInfo& info) {
    const BackendConfig config = ReadBackendConfig(ToObject(info[0], "config"));
    CheckOpen(info.Env());
    std::unique_ptr<Backend> backend = ValueOrThrow(info.Env(), config.open());
    return Number(info, ValueOrThrow(info.Env(),
                                     heap().AddBackend(std::move(backend), config.capacity_bytes)));
  }

  Napi::Value Allocate(const Napi::CallbackInfo& info) {
    const uint32_t backend = ToUint32(info[0], "backend");
    const uint32_t chunks = ToUint32(info[1], "chunks");
    return Number(info, ValueOrThrow(info.Env(), heap().Allocate(backend, chunks)));
  }

  Napi::Value AllocateSpread(const Napi::CallbackInfo& info) {
    const bool numbers = info[0].IsTypedArray() &&
                         info[0].As<Napi::TypedArray>().TypedArrayType() == napi_uint32_array;
    if (!numbers) ThrowInvalid(info.Env(), "backends", "a Uint32Array");
    if (!info[1].IsBoolean()) ThrowInvalid(info.Env(), "deferred", "a boolean");
    const auto backends = info[0].As<Napi::Uint32Array>();
    const std::span<const uint32_t> each(backends.Data(), backends.ElementLength());
    return Number(
        info, ValueOrThrow(info.Env(), heap().AllocateSpread(each, info[1].As<Napi::Boolean>())));
  }

  Napi::Value DealPages(const Napi::CallbackInfo& info) {
    const uint32_t first = ToUint32(info[0], "firstChunk");
    const uint64_t stripe_bytes = ToBytes(info[1], "stripeBytes");
    const bool numbers = info[2].IsTypedArray() &&
                         info[2].As<Napi::TypedArray>().TypedArrayType() == napi_int32_array;
    if (!numbers) ThrowInvalid(info.Env(), "nodes", "an Int32Array");
    const auto nodes = info[2].As<Napi::Int32Array>();
    const RunView run = ValueOrThrow(info.Env(), heap().RunAt(first));
    if (stripe_bytes == 0 ||
        nodes.ElementLength() != uint64_t{run.chunks} * kChunkBytes / stripe_bytes) {
      ThrowInvalid(info.Env(), "nodes", "one for each stripe of the run");
    }
    for (size_t i = 0; i < nodes.ElementLength(); ++i) {
      if (nodes[i] < 0) ThrowInvalid(info.Env(), "nodes", "made of node numbers");
    }
    const StripedPages dealt = ValueOrThrow(
        info.Env(), memtiers::DealPages({.address = run.address,
                                         .stripe_bytes = stripe_bytes,
                                         .nodes = {nodes.Data(), nodes.ElementLength()}}));
    if (dealt.method != StripeMethod::kNone) {
      heap().MarkStriped(first, dealt.verified && dealt.misplaced_pages == 0);
    } else {
      for (uint32_t i = 0; i < run.chunks; ++i) heap().MarkVerified(first + i, false);
    }
    Napi::Object value = Napi::Object::New(info.Env());
    value.Set("method", StripeMethodName(dealt.method));
    value.Set("misplacedPages", static_cast<double>(dealt.misplaced_pages));
    value.Set("errno", dealt.error);
    return value;
  }

  Napi::Value Buffer(const Napi::CallbackInfo& info) {
    const uint32_t first = ToUint32(info[0], "firstChunk");
    return buffers_.Get(info.Env(), state_, first, ToBytes(info[1], "byteLength"));
  }

  Napi::Value Free(const Napi::CallbackInfo& info) {
    const uint32_t first = ToUint32(info[0], "firstChunk");
    ThrowIfFailed(info.Env(), heap().RunAt(first).status());
    buffers_.Revoke(first);
    probes_.Forget(first);
    ThrowIfFailed(info.Env(), heap().Free(first));
    return info.Env().Undefined();
  }

  Napi::Value BackendOf(const Napi::CallbackInfo& info) {
    return Number(info, ValueOrThrow(info.Env(), heap().BackendOf(ToUint32(info[0], "chunk"))));
  }

  Napi::Value Placement(const Napi::CallbackInfo& info) {
    const uint32_t first = ToUint32(info[0], "firstChunk");
    const uint32_t chunks = ToUint32(info[1], "chunks");
    const RunView run = ValueOrThrow(info.Env(), heap().PartOfRun(first, chunks));
    const PagePlacement placement = FindPlacement(run.address, run.chunks * kChunkBytes);
    Napi::Object pages_by_node = Napi::Object::New(info.Env());
    for (const auto& [node, pages] : placement.pages_by_node) {
      pages_by_node.Set(std::to_string(node), static_cast<double>(pages));
    }
    Napi::Object value = Napi::Object::New(info.Env());
    value.Set("pagesByNode", pages_by_node);
    value.Set("absentPages", static_cast<double>(placement.absent_pages));
    value.Set("errno", placement.error);
    return value;
  }

  Napi::Value IsAvailable(const Napi::CallbackInfo& info) {
    const uint32_t backend = ToUint32(info[0], "backend");
    ThrowIfFailed(info.Env(), heap().CheckBackend(backend));
    return Napi::Boolean::New(info.Env(), heap().backend(backend).available());
  }

  Napi::Value StrayChunks(const Napi::CallbackInfo& info) {
    const uint32_t backend = ToUint32(info[0], "backend");
    const uint32_t from = ToUint32(info[1], "from");
    const Strays strays = ValueOrThrow(info.Env(), FindStrays(heap(), backend, from));
    Napi::Array chunks = Napi::Array::New(info.Env(), strays.chunks.size());
    for (uint32_t i = 0; i < strays.chunks.size(); ++i) chunks.Set(i, strays.chunks[i]);
    Napi::Object value = Napi::Object::New(info.Env());
    value.Set("chunks", chunks);
    value.Set("next", strays.next.has_value() ? Napi::Number::New(info.Env(), *strays.next)
                                              : info.Env().Null());
    return value;
  }

  Napi::Value RebackChunk(const Napi::CallbackInfo& info) {
    const uint32_t chunk = ToUint32(info[0], "chunk");
    const uint32_t backend = ToUint32(info[1], "backend");
    return ToValue(info.Env(),
                   ValueOrThrow(info.Env(), memtiers::RebackChunk(heap(), chunk, backend)));
  }

  Napi::Value MovePages(const Napi::CallbackInfo& info) {
    const uint32_t first = ToUint32(info[0], "firstChunk");
    const uint32_t chunks = ToUint32(info[1], "chunks");
    const uint32_t backend = ToUint32(info[2], "backend");
    return Task::Start(info.Env(), MakeMovePages(info.Env(), state_, first, chunks, backend));
  }

  Napi::Value MoveChunk(const Napi::CallbackInfo& info) {
    const uint32_t chunk = ToUint32(info[0], "chunk");
    const uint32_t backend = ToUint32(info[1], "backend");
    return Task::Start(info.Env(), MakeMoveChunk(info.Env(), state_, chunk, backend));
  }

  Napi::Value Pin(const Napi::CallbackInfo& info) {
    ThrowIfFailed(info.Env(), heap().Pin(ToUint32(info[0], "firstChunk")));
    return info.Env().Undefined();
  }

  Napi::Value Unpin(const Napi::CallbackInfo& info) {
    ThrowIfFailed(info.Env(), heap().Unpin(ToUint32(info[0], "firstChunk")));
    return info.Env().Undefined();
  }

  Napi::Value CancelMove(const Napi::CallbackInfo& info) {
    // A signal may come at any time, also when run or heap are gone.
    (void)heap().CancelMove(ToUint32(info[0], "firstChunk"));
    return info.Env().Undefined();
  }

  Napi::Value Prefault(const Napi::CallbackInfo& info) {
    const RunBytes range = {.first = ToUint32(info[0], "firstChunk"),
                            .offset = ToBytes(info[1], "byteOffset"),
                            .length = ToBytes(info[2], "byteLength")};
    return Task::Start(info.Env(), MakePrefault(info.Env(), state_, range));
  }

  Napi::Value Write(const Napi::CallbackInfo& info) {
    RunBytes range = {.first = ToUint32(info[0], "firstChunk"),
                      .offset = ToBytes(info[1], "byteOffset")};
    const bool bytes = info[2].IsTypedArray() &&
                       info[2].As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
    if (!bytes) ThrowInvalid(info.Env(), "source", "a Uint8Array");
    const auto source = info[2].As<Napi::Uint8Array>();
    range.length = source.ByteLength();
    return Task::Start(info.Env(), MakeWrite(info.Env(), state_, range, source));
  }

  Napi::Value Calibrate(const Napi::CallbackInfo& info) {
    constexpr uint64_t kMaxDurationMs = 600'000;
    const uint32_t backend = ToUint32(info[0], "backend");
    const uint64_t bytes = ToBytes(info[1], "bytes");
    const std::chrono::milliseconds duration(ToUnsigned(info[2], "durationMs", kMaxDurationMs));
    return Task::Start(info.Env(), MakeCalibrate(info.Env(), state_, backend, bytes, duration));
  }

  Napi::Value MeasureLatency(const Napi::CallbackInfo& info) {
    const uint32_t first = ToUint32(info[0], "firstChunk");
    return Task::Start(info.Env(), probes_.Measure(info.Env(), state_, first));
  }

  Napi::Value Flush(const Napi::CallbackInfo& info) {
    const RunBytes range = {.first = ToUint32(info[0], "firstChunk"),
                            .offset = ToBytes(info[1], "byteOffset"),
                            .length = ToBytes(info[2], "byteLength")};
    return Task::Start(info.Env(), MakeFlush(info.Env(), state_, range));
  }

  Napi::Value OpenHotnessSource(const Napi::CallbackInfo& info) {
    return MakeHotnessSource(info, state_);
  }

  Napi::Value DamagedRanges(const Napi::CallbackInfo& info) {
    const std::vector<DamagedRange> ranges = heap().DamagedRanges();
    Napi::Array value = Napi::Array::New(info.Env(), ranges.size());
    for (uint32_t i = 0; i < ranges.size(); ++i) {
      Napi::Object range = Napi::Object::New(info.Env());
      range.Set("chunk", Napi::Number::New(info.Env(), ranges[i].chunk));
      range.Set("byteOffset", static_cast<double>(ranges[i].byte_offset));
      range.Set("byteLength", static_cast<double>(ranges[i].byte_length));
      range.Set("cause", DamageCauseName(ranges[i].cause));
      value.Set(i, range);
    }
    return value;
  }

  Napi::Value BackendStats(const Napi::CallbackInfo& info) {
    const HeapBackendStats stats =
        ValueOrThrow(info.Env(), heap().Stats(ToUint32(info[0], "backend")));
    Napi::Object value = Napi::Object::New(info.Env());
    value.Set("kind", BackendKindName(stats.kind));
    value.Set("capacityBytes", static_cast<double>(stats.capacity_bytes));
    value.Set("mappedBytes", static_cast<double>(stats.mapped_bytes));
    value.Set("refusedAllocations", static_cast<double>(stats.refused_allocations));
    value.Set("unverifiedChunks", static_cast<double>(stats.unverified_chunks));
    value.Set("retiredChunks", static_cast<double>(stats.retired_chunks));
    value.Set("shadowChunks", static_cast<double>(stats.shadow_chunks));
    value.Set("fixedAddress", stats.fixed_address);
    value.Set("durable", stats.durable);
    value.Set("note", stats.note);
    return value;
  }

  Napi::Value ShareRun(const Napi::CallbackInfo& info) {
    const uint32_t first = ToUint32(info[0], "firstChunk");
    const uint64_t bytes = ToBytes(info[1], "byteLength");
    return Napi::String::New(info.Env(), ValueOrThrow(info.Env(), state_->Share(first, bytes)));
  }

  Napi::Value AttachedThreads(const Napi::CallbackInfo& info) {
    return Number(info, ValueOrThrow(info.Env(), heap().Holders(ToUint32(info[0], "firstChunk"))));
  }

  Napi::Value Close(const Napi::CallbackInfo& info) {
    if (!heap().closed()) {
      buffers_.RevokeAll();
      probes_.ForgetAll();
      heap().Close();
    }
    return info.Env().Undefined();
  }

 private:
  using Method = Napi::Value (HeapObject::*)(const Napi::CallbackInfo&);

 public:
  // One JavaScript function for one method.
  template <Method method>
  static Napi::Value Call(const Napi::CallbackInfo& info) {
    try {
      HeapObject& object = From(info);
      object.state_->Settle();
      return (object.*method)(info);
    } catch (const std::bad_alloc&) {
      throw ToError(info.Env(), Status::FromErrno(ENOMEM, "", "the heap's own tables"));
    }
  }

 private:
  static HeapObject& From(const Napi::CallbackInfo& info) {
    void* object = nullptr;
    const bool ours = info.This().IsObject() &&
                      info.This().As<Napi::Object>().CheckTypeTag(&kHeapTag) &&
                      napi_unwrap(info.Env(), info.This(), &object) == napi_ok;
    if (!ours) ThrowInvalid(info.Env(), "this", "a heap");
    return *static_cast<HeapObject*>(object);
  }

  static Napi::Value Number(const Napi::CallbackInfo& info, uint32_t value) {
    return Napi::Number::New(info.Env(), value);
  }

  void CheckOpen(Napi::Env env) const {
    if (heap().closed()) ThrowIfFailed(env, {Code::kClosed, "the heap is closed"});
  }

  Heap& heap() const { return state_->heap(); }

  std::shared_ptr<HeapState> state_;
  RunBuffers buffers_;
  LatencyProbes probes_;
};

void DeleteHeapObject(napi_env /*env*/, void* data, void* /*hint*/) {
  delete static_cast<HeapObject*>(data);
}

template <auto method>
void Define(Napi::Object object, const char* name) {
  object.Set(name, Napi::Function::New<HeapObject::Call<method>>(object.Env(), name));
}

// The counter's word for JavaScript, which may keep it longer than the heap.
Napi::Value ToView(Napi::Env env, const std::shared_ptr<DamageCounter>& counter) {
  static_assert(sizeof(DamageCounter) == sizeof(uint32_t) && DamageCounter::is_always_lock_free);
  const Napi::ArrayBuffer buffer =
      NewExternalBuffer(env, counter.get(), sizeof(DamageCounter),
                        std::make_unique<std::shared_ptr<DamageCounter>>(counter));
  return Napi::Uint32Array::New(env, 1, buffer, 0);
}

}  // namespace

Napi::Value OpenHeap(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Napi::Object options = ToObject(info[0], "options");
  const uint64_t reserve_bytes = ToBytes(options.Get("reserveBytes"), "reserveBytes");
  std::unique_ptr<Heap> heap = ValueOrThrow(env, Heap::Open(reserve_bytes));
  Napi::Object object = Napi::Object::New(env);
  object.Set("damageCount", ToView(env, heap->damage_counter()));
  object.Set("pageBytes", static_cast<double>(PageBytes()));
  object.Set("migrationMode", ProbeUserfaultfd().error == 0 ? "transparent" : "stop-the-world");
  auto wrapped = std::make_unique<HeapObject>(env, std::move(heap));
  if (napi_wrap(env, object, wrapped.get(), DeleteHeapObject, nullptr, nullptr) != napi_ok) {
    throw Napi::Error::New(env);
  }
  (void)wrapped.release();  // the object's finalizer deletes it
  object.TypeTag(&kHeapTag);
  Define<&HeapObject::AddBackend>(object, "addBackend");
  Define<&HeapObject::Allocate>(object, "allocate");
  Define<&HeapObject::AllocateSpread>(object, "allocateSpread");
  Define<&HeapObject::DealPages>(object, "dealPages");
  Define<&HeapObject::Buffer>(object, "buffer");
  Define<&HeapObject::Free>(object, "free");
  Define<&HeapObject::BackendOf>(object, "backendOf");
  Define<&HeapObject::Placement>(object, "placement");
  Define<&HeapObject::RebackChunk>(object, "rebackChunk");
  Define<&HeapObject::MovePages>(object, "movePages");
  Define<&HeapObject::MoveChunk>(object, "moveChunk");
  Define<&HeapObject::Pin>(object, "pin");
  Define<&HeapObject::Unpin>(object, "unpin");
  Define<&HeapObject::CancelMove>(object, "cancelMove");
  Define<&HeapObject::Prefault>(object, "prefault");
  Define<&HeapObject::Write>(object, "write");
  Define<&HeapObject::Flush>(object, "flush");
  Define<&HeapObject::DamagedRanges>(object, "damagedRanges");
  Define<&HeapObject::Calibrate>(object, "calibrate");
  Define<&HeapObject::MeasureLatency>(object, "measureLatency");
  Define<&HeapObject::BackendStats>(object, "backendStats");
  Define<&HeapObject::IsAvailable>(object, "isAvailable");
  Define<&HeapObject::StrayChunks>(object, "strayChunks");
  Define<&HeapObject::OpenHotnessSource>(object, "openHotnessSource");
  Define<&HeapObject::ShareRun>(object, "shareRun");
  Define<&HeapObject::AttachedThreads>(object, "attachedThreads");
  Define<&HeapObject::Close>(object, "close");
  return object;
}

}  // namespace memtiers
