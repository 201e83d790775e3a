#include "bind/task.h"

#include "bind/errors.h"

namespace memtiers {

Napi::Value Task::Start(Napi::Env env, std::unique_ptr<Task> task) {
  napi_value promise = nullptr;
  const Napi::String name = Napi::String::New(env, "memory-tiers");
  const bool created =
      napi_create_promise(env, &task->deferred_, &promise) == napi_ok &&
      napi_create_async_work(
          env, nullptr, name, [](napi_env, void* data) { static_cast<Task*>(data)->Run(); },
          Complete, task.get(), &task->work_) == napi_ok;
  if (!created || napi_queue_async_work(env, task->work_) != napi_ok) {
    (void)task->Finish();
    if (task->work_ != nullptr) napi_delete_async_work(env, task->work_);
    throw ToError(env, Status(Code::kClosed, "this environment is shutting down"));
  }
  (void)task.release();  // until Complete
  return {env, promise};
}

void Task::Complete(napi_env raw_env, napi_status /*status*/, void* data) {
  const std::unique_ptr<Task> task(static_cast<Task*>(data));
  const Status status = task->Finish();
  napi_delete_async_work(raw_env, task->work_);
  const Napi::Env env(raw_env);
  try {
    const Napi::HandleScope scope(env);
    if (status.ok()) {
      try {
        napi_resolve_deferred(env, task->deferred_, task->ToValue(env));
      } catch (const Napi::Error& error) {
        napi_reject_deferred(env, task->deferred_, error.Value());
      }
    } else {
      napi_reject_deferred(env, task->deferred_, ToError(env, status).Value());
    }
  } catch (const Napi::Error&) {
    // The environment no longer runs JavaScript, so nobody waits for the promise.
  }
}

}  // namespace memtiers
