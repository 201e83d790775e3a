// How the tasks of a pool are made: from work that returns a status, or from one call. For
// pool_*.cc.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "bind/pool_member.h"
#include "bind/task.h"

namespace memtiers {

// A task whose work is told by what it returns.
class PoolTask : public Task {
 protected:
  virtual Status Work() = 0;

 private:
  void Run() override {
    try {
      status_ = Work();
    } catch (const std::bad_alloc&) {
      status_ = PoolOutOfMemory();
    }
  }
  Status Finish() override { return status_; }

  Status status_;
};

// One call, and how JavaScript sees what it gave.
template <typename T>
class PoolCallTask final : public PoolTask {
 public:
  PoolCallTask(std::function<Result<T>()> call,
               std::function<Napi::Value(Napi::Env, const T&)> convert)
      : call_(std::move(call)), convert_(std::move(convert)) {}

 private:
  Status Work() override {
    Result<T> result = call_();
    // What it holds is let go of here, and not while JavaScript waits.
    call_ = nullptr;
    if (!result.ok()) return result.status();
    value_.emplace(std::move(result.value()));
    return {};
  }
  Napi::Value ToValue(Napi::Env env) override { return convert_(env, *value_); }

  std::function<Result<T>()> call_;
  std::function<Napi::Value(Napi::Env, const T&)> convert_;
  std::optional<T> value_;
};

template <typename T, typename Convert>
std::unique_ptr<Task> MakePoolCall(std::function<Result<T>()> call, Convert&& convert) {
  return std::make_unique<PoolCallTask<T>>(std::move(call), std::forward<Convert>(convert));
}

}  // namespace memtiers
