// Turns a status into a JavaScript error: the only place that does.
//
// Per environment: the factory lives in the environment's instance data and is called on its
// thread.
#pragma once

#include <napi.h>

#include "base/status.h"

namespace memtiers {

// What the addon keeps for one environment. Deleted with it.
struct AddonData {
  Napi::FunctionReference error_factory;
};

// The error for a failed call, made by the factory set with setErrorFactory; a plain Error with the
// same code when none is set. REQUIRES: !status.ok()
Napi::Error ToError(Napi::Env env, const Status& status);

// Throws what ToError makes when the status is not ok.
void ThrowIfFailed(Napi::Env env, const Status& status);

// The value, or throws.
template <typename T>
T ValueOrThrow(Napi::Env env, Result<T> result) {
  ThrowIfFailed(env, result.status());
  return std::move(result.value());
}

}  // namespace memtiers
