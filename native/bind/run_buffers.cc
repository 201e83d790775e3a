#include "bind/run_buffers.h"

#include <string>
#include <utility>

#include "base/bytes.h"
#include "bind/arguments.h"
#include "bind/errors.h"

namespace memtiers {
namespace {

// V8 aborts the process or throws, depending on version, on more; Node 20 stops at 4 GiB.
uint64_t MaxBufferBytes(Napi::Env env) {
  constexpr uint32_t kNodeWithLargeBuffers = 22;
  const napi_node_version* version = nullptr;
  const bool large =
      napi_get_node_version(env, &version) == napi_ok && version->major >= kNodeWithLargeBuffers;
  return large ? 1024 * kGiB : 4 * kGiB;
}

}  // namespace

Napi::Value RunBuffers::Get(Napi::Env env, const std::shared_ptr<HeapState>& state, uint32_t first,
                            uint64_t bytes) {
  const RunView run = ValueOrThrow(env, state->heap().RunAt(first));
  const auto known = entries_.find(first);
  if (known != entries_.end()) {
    const Napi::ArrayBuffer alive = known->second.buffer.Value();
    if (!alive.IsEmpty()) return alive;
    entries_.erase(known);
  }
  if (bytes == 0 || bytes > run.chunks * kChunkBytes) {
    ThrowInvalid(env, "byteLength", "from 1 to the bytes of the run");
  }
  if (bytes > MaxBufferBytes(env)) {
    ThrowInvalid(env, "byteLength", "at most " + std::to_string(MaxBufferBytes(env)));
  }
  auto hold = std::make_unique<Hold>(Hold{.state = state, .first = first});
  napi_value buffer = nullptr;
  const napi_status made =
      napi_create_external_arraybuffer(env, run.address, bytes, Finalize, hold.get(), &buffer);
  if (made == napi_no_external_buffers_allowed) {
    ThrowIfFailed(env, {Code::kUnavailable, "this JavaScript engine has no external ArrayBuffers"});
  }
  Hold* const held = hold.release();  // from here on the finalizer's, also when creation failed
  if (made != napi_ok) throw Napi::Error::New(env);
  Entry entry;
  entry.buffer = Napi::Weak(Napi::ArrayBuffer(env, buffer));
  entry.hold = held;
  entries_.emplace(first, std::move(entry));
  return Napi::ArrayBuffer(env, buffer);
}

void RunBuffers::Finalize(napi_env /*env*/, void* /*data*/, void* hint) {
  const std::unique_ptr<Hold> hold(static_cast<Hold*>(hint));
  if (hold->keeps_run) hold->state->heap().EndUse(hold->first);
}

void RunBuffers::Revoke(Napi::Env /*env*/, Entry& entry) {
  Napi::ArrayBuffer buffer = entry.buffer.Value();
  if (buffer.IsEmpty()) return;  // collected: nobody is left to see the memory
  if (buffer.IsDetached()) {
    // Somebody else did it: the bytes live on under another ArrayBuffer.
    entry.hold->keeps_run = true;
    entry.hold->state->heap().BeginUse(entry.hold->first);
  } else {
    buffer.Detach();
  }
}

void RunBuffers::Revoke(Napi::Env env, uint32_t first) {
  const auto entry = entries_.find(first);
  if (entry == entries_.end()) return;
  Revoke(env, entry->second);
  entries_.erase(entry);
}

void RunBuffers::RevokeAll(Napi::Env env) {
  for (auto& [first, entry] : entries_) Revoke(env, entry);
  entries_.clear();
}

}  // namespace memtiers
