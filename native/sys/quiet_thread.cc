#include "sys/quiet_thread.h"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <memory>
#include <utility>

#include "sys/thread_affinity.h"

namespace memtiers {
namespace {

// As the kernel has it (sched_setattr(2)); not in the headers of glibc before 2.41.
struct SchedulingAttributes {
  uint32_t size = sizeof(SchedulingAttributes);
  uint32_t policy = SCHED_OTHER;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;
  uint64_t deadline = 0;
  uint64_t period = 0;
};

// A short slice brings a woken thread on sooner (Linux 6.12, sched_ext and EEVDF: "runtime"), a
// high priority even more, where it is permitted.
void HurryThisThread() {
  constexpr uint64_t kSliceNs = 100'000;
  constexpr int kUrgent = -20;
  for (const int nice : {kUrgent, 0}) {
    SchedulingAttributes attributes;
    attributes.nice = nice;
    attributes.runtime = kSliceNs;
    if (syscall(SYS_sched_setattr, 0, &attributes, 0) == 0) return;
  }
}

}  // namespace

Status StartQuietThread(ThreadPace pace, std::function<void()> run) {
  auto* const held = new std::function<void()>([pace, run = std::move(run)] {
    if (pace == ThreadPace::kUrgent) HurryThisThread();
    // A thread begins with the CPUs of the one that starts it, which may be bound to a node only
    // for now. Where it is refused, it runs on these.
    (void)FreeThread(0);
    run();
  });
  // What the thread asks first is found out here, once: a child forked meanwhile would wait for
  // ever for the thread that was at it.
  static const bool known = UsableCpus().ok();
  (void)known;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  // Faults of its own are still signals, blocked or not: the kernel then ends the process.
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread{};
  const int error = pthread_create(
      &thread, nullptr,
      [](void* argument) -> void* {
        const std::unique_ptr<std::function<void()>> body(
            static_cast<std::function<void()>*>(argument));
        (*body)();
        return nullptr;
      },
      held);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) {
    delete held;
    return Status::FromErrno(Code::kFull, error, "pthread_create", "a thread");
  }
  pthread_detach(thread);
  return {};
}

}  // namespace memtiers
