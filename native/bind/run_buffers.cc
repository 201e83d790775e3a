#include "bind/run_buffers.h"

#include <utility>

#include "base/bytes.h"
#include "bind/arguments.h"
#include "bind/errors.h"
#include "bind/external_buffer.h"

namespace memtiers {

Napi::Value RunBuffers::Get(Napi::Env env, const std::shared_ptr<HeapState>& state, uint32_t first,
                            uint64_t bytes) {
  const RunView run = ValueOrThrow(env, state->heap().RunAt(first));
  const auto known = entries_.find(first);
  if (known != entries_.end()) {
    const Napi::ArrayBuffer alive = known->second.buffer.Value();
    if (!alive.IsEmpty()) return alive;
    Revoke(known->second);
    entries_.erase(known);
  }
  if (bytes == 0 || bytes > run.chunks * kChunkBytes) {
    ThrowInvalid(env, "byteLength", "from 1 to the bytes of the run");
  }
  const auto hold = std::make_shared<Hold>(state, first);
  const Napi::ArrayBuffer buffer =
      NewExternalBuffer(env, run.address, bytes, std::make_unique<std::shared_ptr<Hold>>(hold));
  entries_.emplace(first, Entry{.buffer = Napi::Weak(buffer), .hold = hold});
  return buffer;
}

RunBuffers::Hold::~Hold() {
  if (keeps_run) state->heap().EndUse(first);
}

void RunBuffers::Hold::KeepRun() {
  if (!keeps_run) state->heap().BeginUse(first);
  keeps_run = true;
}

void RunBuffers::Revoke(Entry& entry) {
  const std::shared_ptr<Hold> hold = entry.hold.lock();
  if (hold == nullptr) return;  // collected: nobody is left to see the memory
  Napi::ArrayBuffer buffer = entry.buffer.Value();
  // Where nothing but the buffer can have shown the bytes, its collection is the end of them.
  if (buffer.IsEmpty() && !CanTransferBuffers(entry.buffer.Env())) return;
  if (buffer.IsEmpty() || buffer.IsDetached()) {
    // It was collected, and the bytes are about to be; or somebody else detached it, and they live
    // on under another ArrayBuffer.
    hold->KeepRun();
  } else {
    buffer.Detach();
  }
}

void RunBuffers::Revoke(uint32_t first) {
  const auto entry = entries_.find(first);
  if (entry == entries_.end()) return;
  Revoke(entry->second);
  entries_.erase(entry);
}

void RunBuffers::RevokeAll() {
  for (auto& [first, entry] : entries_) Revoke(entry);
  entries_.clear();
}

}  // namespace memtiers
