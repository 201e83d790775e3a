#include "sys/quiet_thread.h"

#include <doctest/doctest.h>
#include <sys/syscall.h>

#include <cerrno>
#include <csignal>
#include <future>
#include <thread>
#include <vector>

#include "refusing_kernel.h"
#include "sys/thread_affinity.h"

namespace memtiers {
namespace {

struct Seen {
  std::vector<int> cpus;
  bool takes_signals = true;
};

// What a quiet thread of this thread is like.
Seen LookInside(ThreadPace pace) {
  std::promise<Seen> told;
  const Status started = StartQuietThread(pace, [&told] {
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    told.set_value(
        {.cpus = ThreadCpus(0).value(), .takes_signals = sigismember(&blocked, SIGUSR1) == 0});
  });
  REQUIRE(started.ok());
  return told.get_future().get();
}

}  // namespace

TEST_CASE("a quiet thread takes no signals, and the thread that starts it still does") {
  CHECK_FALSE(LookInside(ThreadPace::kNormal).takes_signals);
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  CHECK(sigismember(&blocked, SIGUSR1) == 0);
}

TEST_CASE("a quiet thread of a bound thread may run wherever the process may") {
  RememberStartCpus();
  std::thread([] {
    const std::vector<int> usable = UsableCpus().value();
    REQUIRE(SetThreadCpus(0, std::vector<int>{usable.back()}).ok());
    for (const ThreadPace pace : {ThreadPace::kNormal, ThreadPace::kUrgent}) {
      CHECK(LookInside(pace).cpus == usable);
    }
    CHECK(ThreadCpus(0).value() == std::vector<int>{usable.back()});
  }).join();
}

TEST_CASE("a quiet thread runs where a container refuses to free it") {
  const std::vector<int> own = ThreadCpus(0).value();
  CHECK(WithSyscallRefused({.syscall_number = SYS_sched_setaffinity, .error = EPERM},
                           [&own] { return LookInside(ThreadPace::kNormal).cpus == own; }));
}

}  // namespace memtiers
