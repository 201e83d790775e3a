#include "bind/attached_run.h"

#include <memory>
#include <optional>
#include <utility>

#include "bind/arguments.h"
#include "bind/errors.h"
#include "bind/external_buffer.h"
#include "memory/shared_run.h"

namespace memtiers {
namespace {

// A hold that ends with whatever comes first: the program's release, the collector's, or the end of
// the environment. It lives as long as somebody may still ask for one of them.
class Attachment {
 public:
  Attachment(Napi::Env env, RunHold hold) : env_(env), hold_(std::move(hold)) {
    napi_add_env_cleanup_hook(env_, AtExit, this);
  }
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;
  ~Attachment() { LetGo(); }

  const RunHold& hold() const { return *hold_; }

  void SetBuffer(const Napi::ArrayBuffer& buffer) { buffer_ = Napi::Weak(buffer); }

  // Empties the views. A buffer that the program has moved elsewhere cannot be detached: its bytes
  // stay until the collector has found it unreachable.
  void Release() {
    if (!hold_.has_value()) return;
    Napi::ArrayBuffer buffer = buffer_.Value();
    if (buffer.IsEmpty() || buffer.IsDetached()) return;
    buffer.Detach();
    LetGo();
  }

  // REQUIRES: JavaScript cannot reach the bytes. Idempotent.
  void LetGo() {
    if (!hold_.has_value()) return;
    napi_remove_env_cleanup_hook(env_, AtExit, this);
    hold_.reset();
  }

 private:
  // No JavaScript runs any more.
  static void AtExit(void* data) { static_cast<Attachment*>(data)->hold_.reset(); }

  napi_env env_;
  std::optional<RunHold> hold_;
  Napi::Reference<Napi::ArrayBuffer> buffer_;
};

// The buffer's own share.
struct BufferHold {
  std::shared_ptr<Attachment> attachment;

  explicit BufferHold(std::shared_ptr<Attachment> whose) : attachment(std::move(whose)) {}
  BufferHold(const BufferHold&) = delete;
  BufferHold& operator=(const BufferHold&) = delete;
  ~BufferHold() { attachment->LetGo(); }
};

}  // namespace

Napi::Value AttachRun(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto attachment =
      std::make_shared<Attachment>(env, ValueOrThrow(env, RunHold::Open(ToText(info[0], "token"))));
  const RunHold& hold = attachment->hold();
  const Napi::ArrayBuffer buffer = NewExternalBuffer(env, hold.address(), hold.bytes(),
                                                     std::make_unique<BufferHold>(attachment));
  attachment->SetBuffer(buffer);
  Napi::Object value = Napi::Object::New(env);
  value.Set("buffer", buffer);
  value.Set("release", Napi::Function::New(
                           env,
                           [attachment](const Napi::CallbackInfo& call) {
                             attachment->Release();
                             return call.Env().Undefined();
                           },
                           "release"));
  return value;
}

}  // namespace memtiers
