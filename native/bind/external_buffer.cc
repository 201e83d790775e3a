#include "bind/external_buffer.h"

#include <string>

#include "base/bytes.h"
#include "bind/arguments.h"
#include "bind/errors.h"

namespace memtiers {
namespace {

bool IsNode22(Napi::Env env) {
  const napi_node_version* version = nullptr;
  return napi_get_node_version(env, &version) == napi_ok && version->major >= 22;
}

// V8 aborts the process or throws, depending on version, on more; Node 20 stops at 4 GiB.
uint64_t MaxBufferBytes(Napi::Env env) { return IsNode22(env) ? 1024 * kGiB : 4 * kGiB; }

}  // namespace

bool CanTransferBuffers(Napi::Env env) { return IsNode22(env); }

Napi::ArrayBuffer NewExternalBuffer(Napi::Env env, void* address, uint64_t bytes,
                                    napi_finalize finalize, void* hold) {
  const uint64_t most = MaxBufferBytes(env);
  if (bytes == 0 || bytes > most) {
    finalize(env, address, hold);
    ThrowInvalid(env, "byteLength", "from 1 to " + std::to_string(most));
  }
  napi_value buffer = nullptr;
  const napi_status made =
      napi_create_external_arraybuffer(env, address, bytes, finalize, hold, &buffer);
  if (made == napi_no_external_buffers_allowed) {
    finalize(env, address, hold);
    ThrowIfFailed(env, {Code::kUnavailable, "this JavaScript engine has no external ArrayBuffers"});
  }
  // Whatever else went wrong, `hold` is the engine's from here on.
  if (made != napi_ok) throw Napi::Error::New(env);
  return {env, buffer};
}

}  // namespace memtiers
