#include "bind/thread_call.h"

#include <mutex>
#include <utility>

#include "bind/errors.h"

namespace memtiers {

// What both ends know. The engine finalizes the function when the environment ends, which may be
// before anybody here knows; it is used under the lock and only as long as it is there.
struct ThreadCall::Line {
  explicit Line(std::function<void()> what) : call(std::move(what)) {}

  static void OnThread(napi_env env, napi_value /*function*/, void* context, void* /*data*/) {
    // Without an environment the queue is being emptied, after Finalize.
    if (env != nullptr) (*static_cast<std::shared_ptr<Line>*>(context))->call();
  }

  static void Finalize(napi_env /*env*/, void* /*data*/, void* context) {
    const std::unique_ptr<std::shared_ptr<Line>> line(static_cast<std::shared_ptr<Line>*>(context));
    const std::lock_guard lock((*line)->mutex);
    (*line)->function = nullptr;
  }

  const std::function<void()> call;
  std::mutex mutex;
  napi_threadsafe_function function = nullptr;
};

ThreadCall::ThreadCall(Napi::Env env, std::function<void()> call)
    : line_(std::make_shared<Line>(std::move(call))) {
  auto context = std::make_unique<std::shared_ptr<Line>>(line_);
  const bool made =
      napi_create_threadsafe_function(env, nullptr, nullptr, Napi::String::New(env, "memory-tiers"),
                                      0, 1, nullptr, Line::Finalize, context.get(), Line::OnThread,
                                      &line_->function) == napi_ok;
  if (!made) throw ToError(env, Status(Code::kClosed, "this environment is shutting down"));
  (void)context.release();  // Finalize deletes it
  napi_unref_threadsafe_function(env, line_->function);
}

ThreadCall::~ThreadCall() {
  napi_threadsafe_function function = nullptr;
  {
    const std::lock_guard lock(line_->mutex);
    std::swap(function, line_->function);
  }
  if (function != nullptr) napi_release_threadsafe_function(function, napi_tsfn_abort);
}

std::function<void()> ThreadCall::asker() const {
  return [line = line_] {
    const std::lock_guard lock(line->mutex);
    if (line->function == nullptr) return;
    napi_call_threadsafe_function(line->function, nullptr, napi_tsfn_nonblocking);
  };
}

}  // namespace memtiers
