#include "bind/errors.h"

#include <string>

#include "sys/errno_name.h"

namespace memtiers {
namespace {

std::string MessageOf(const Status& status) {
  if (status.error() == 0) return status.what();
  const std::string call = *status.syscall() == '\0' ? "failed" : std::string(status.syscall());
  return status.what() + ": " + call + ": " + ErrnoText(status.error()) + " (" +
         ErrnoName(status.error()) + ")";
}

}  // namespace

Napi::Error ToError(Napi::Env env, const Status& status) {
  const Napi::String code =
      Napi::String::New(env, std::string("ERR_TIER_") + CodeName(status.code()));
  const Napi::String message = Napi::String::New(env, MessageOf(status));
  const auto* data = env.GetInstanceData<AddonData>();
  if (data != nullptr && !data->error_factory.IsEmpty()) {
    const Napi::Value made =
        data->error_factory.Call({code, message, Napi::String::New(env, status.syscall()),
                                  Napi::Number::New(env, status.error())});
    if (made.IsObject()) return {env, made};
  }
  Napi::Error error = Napi::Error::New(env, message.Utf8Value());
  error.Set("code", code);
  return error;
}

void ThrowIfFailed(Napi::Env env, const Status& status) {
  if (!status.ok()) throw ToError(env, status);
}

}  // namespace memtiers
