// Background work with a promise, made so that an environment may be torn down at any moment.
//
// Run executes on a thread of libuv's pool and touches no JavaScript. Finish executes on the
// environment's thread whatever happens, also while the environment is being torn down: it keeps
// the books and touches no JavaScript either. Only then is the promise settled, if anybody can
// still hear it.
#pragma once

#include <napi.h>

#include <memory>

#include "base/status.h"

namespace memtiers {

class Task {
 public:
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  virtual ~Task() = default;

  // Queues the task; returns its promise.
  static Napi::Value Start(Napi::Env env, std::unique_ptr<Task> task);

 protected:
  Task() = default;

  virtual void Run() = 0;
  // Whether the promise resolves or rejects.
  virtual Status Finish() = 0;
  // What it resolves with; what this throws it rejects with.
  virtual Napi::Value ToValue(Napi::Env env) { return env.Undefined(); }

 private:
  static void Complete(napi_env env, napi_status status, void* data);

  napi_async_work work_ = nullptr;
  napi_deferred deferred_ = nullptr;
};

}  // namespace memtiers
