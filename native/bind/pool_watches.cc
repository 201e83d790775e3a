#include "bind/pool_watches.h"

#include <mutex>
#include <utility>

#include "bind/errors.h"

namespace memtiers {

// What both threads know. The engine finalizes the function when the environment ends, which may be
// before the watcher does; it is used under the lock and only as long as it is there.
struct PoolWatches::Line {
  // The watcher's thread.
  void Tell(uint64_t watch) {
    const std::lock_guard lock(mutex);
    const bool first = changed.empty();
    changed.insert(watch);
    // One call for all that comes until it is made.
    if (first && function != nullptr) {
      napi_call_threadsafe_function(function, nullptr, napi_tsfn_nonblocking);
    }
  }

  static void OnThread(napi_env env, napi_value callback, void* context, void* /*data*/) {
    // Without an environment the queue is being emptied, after Finalize.
    if (env == nullptr || callback == nullptr) return;
    std::set<uint64_t> told;
    {
      Line& line = **static_cast<std::shared_ptr<Line>*>(context);
      const std::lock_guard lock(line.mutex);
      told.swap(line.changed);
    }
    const Napi::Function function(env, callback);
    for (const uint64_t watch : told) {
      function.Call({Napi::Number::New(env, static_cast<double>(watch))});
    }
  }

  static void Finalize(napi_env /*env*/, void* /*data*/, void* context) {
    const std::unique_ptr<std::shared_ptr<Line>> line(static_cast<std::shared_ptr<Line>*>(context));
    const std::lock_guard lock((*line)->mutex);
    (*line)->function = nullptr;
  }

  std::mutex mutex;
  std::set<uint64_t> changed;
  napi_threadsafe_function function = nullptr;
};

Result<std::unique_ptr<PoolWatches>> PoolWatches::Make(Napi::Env env,
                                                       const Napi::Function& changed) {
  std::unique_ptr<PoolWatches> watches(new PoolWatches(env));
  watches->line_ = std::make_shared<Line>();
  auto context = std::make_unique<std::shared_ptr<Line>>(watches->line_);
  const bool made =
      napi_create_threadsafe_function(env, changed, nullptr, Napi::String::New(env, "memory-tiers"),
                                      0, 1, nullptr, Line::Finalize, context.get(), Line::OnThread,
                                      &watches->line_->function) == napi_ok;
  if (!made) return Status(Code::kClosed, "this environment is shutting down");
  (void)context.release();  // Finalize deletes it
  napi_unref_threadsafe_function(env, watches->line_->function);
  Result<std::unique_ptr<PoolWatcher>> watcher =
      PoolWatcher::Start([line = watches->line_](uint64_t watch) { line->Tell(watch); });
  if (!watcher.ok()) return watcher.status();
  watches->watcher_ = std::move(watcher.value());
  return watches;
}

PoolWatches::~PoolWatches() {
  watcher_.reset();  // no more calls
  napi_threadsafe_function function = nullptr;
  {
    const std::lock_guard lock(line_->mutex);
    std::swap(function, line_->function);
  }
  if (function != nullptr) napi_release_threadsafe_function(function, napi_tsfn_abort);
}

void PoolWatches::SetFiles(Files files) {
  if (files == files_) return;
  files_ = files;
  watcher_->SetFiles(std::move(files));
}

uint64_t PoolWatches::Watch(const std::string& key) {
  const uint64_t watch = watcher_->Watch(key);
  if (watched_.empty() && line_->function != nullptr) {
    napi_ref_threadsafe_function(env_, line_->function);
  }
  watched_.insert(watch);
  return watch;
}

void PoolWatches::Unwatch(uint64_t watch) {
  if (watched_.erase(watch) == 0) return;
  watcher_->Unwatch(watch);
  if (watched_.empty() && line_->function != nullptr) {
    napi_unref_threadsafe_function(env_, line_->function);
  }
}

}  // namespace memtiers
