// A call to an environment's thread that any thread may ask for. Asking is never refused and never
// waits; calls that were asked for close to one another may become one. Keeps no event loop alive.
//
// Made and destroyed on the environment's thread; it may outlive the environment, and then does
// nothing.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>

namespace memtiers {

class ThreadCall {
 public:
  // `call` must not call JavaScript: there may be none any more. Throws when the environment is
  // shutting down.
  ThreadCall(Napi::Env env, std::function<void()> call);
  ThreadCall(const ThreadCall&) = delete;
  ThreadCall& operator=(const ThreadCall&) = delete;
  ~ThreadCall();

  // Asks for the call. Any thread may copy and keep it, and use it for as long as it likes.
  std::function<void()> asker() const;

 private:
  struct Line;

  std::shared_ptr<Line> line_;
};

}  // namespace memtiers
