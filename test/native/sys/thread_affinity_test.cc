#include "sys/thread_affinity.h"

#include <doctest/doctest.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <vector>

#include "refusing_kernel.h"
#include "sys/thread_list.h"

namespace memtiers {

namespace {

// On a thread of its own, so that no other test runs on the CPUs left over.
template <typename Body>
void OnFreshThread(Body body) {
  std::thread(body).join();
}

}  // namespace

TEST_CASE("a thread bound to a CPU is on it, and freed it has all that the process may use") {
  OnFreshThread([] {
    const std::vector<int> usable = UsableCpus().value();
    REQUIRE_FALSE(usable.empty());
    const int last = usable.back();
    REQUIRE(SetThreadCpus(0, std::vector<int>{last}).ok());
    CHECK(ThreadCpus(0).value() == std::vector<int>{last});
    CHECK(ThisThread().cpu == last);
    CHECK(ThisThread().node == CurrentNode());
    CHECK(UsableCpus().value() == usable);
    REQUIRE(FreeThread(0).ok());
    CHECK(ThreadCpus(0).value() == usable);
  });
}

TEST_CASE("a thread that a bound thread starts is bound as well") {
  OnFreshThread([] {
    const int last = UsableCpus().value().back();
    REQUIRE(SetThreadCpus(0, std::vector<int>{last}).ok());
    OnFreshThread([last] { CHECK(ThreadCpus(0).value() == std::vector<int>{last}); });
  });
}

TEST_CASE("another thread is bound by its number") {
  const std::vector<int> own = ThreadCpus(0).value();
  const int here = ThisThread().thread;
  OnFreshThread([&] {
    REQUIRE(SetThreadCpus(here, std::vector<int>{own.front()}).ok());
    CHECK(ThreadCpus(here).value() == std::vector<int>{own.front()});
    CHECK(ThreadCpus(0).value() == own);
    REQUIRE(SetThreadCpus(here, own).ok());
  });
  CHECK(ThreadCpus(0).value() == own);
}

TEST_CASE("CPUs that are not there are unavailable, and so are threads that are not") {
  const std::vector<int> own = ThreadCpus(0).value();
  const Status absent = SetThreadCpus(0, std::vector<int>{60000});
  CHECK(absent.code() == Code::kUnavailable);
  CHECK(absent.error() == EINVAL);
  CHECK(ThreadCpus(0).value() == own);
  constexpr int kNobody = 2147483600;
  CHECK(ThreadCpus(kNobody).status().code() == Code::kUnavailable);
  CHECK(SetThreadCpus(kNobody, own).code() == Code::kUnavailable);
  CHECK(ThreadStart(kNobody).status().code() == Code::kUnavailable);
}

TEST_CASE("a refused call is an error, and the process still knows its CPUs") {
  const std::vector<int> own = ThreadCpus(0).value();
  CHECK(WithSyscallRefused({.syscall_number = SYS_sched_setaffinity, .error = EPERM}, [&own] {
    const Status status = SetThreadCpus(0, own);
    const Result<std::vector<int>> usable = UsableCpus();
    return status.code() == Code::kNoPermission && status.error() == EPERM && usable.ok() &&
           usable.value() == own;
  }));
}

TEST_CASE("the list of threads has a new one, which started last") {
  const std::vector<int> before = ThreadIds().value();
  const int own = ThisThread().thread;
  CHECK(std::ranges::find(before, own) != before.end());
  OnFreshThread([&] {
    const int fresh = ThisThread().thread;
    CHECK(std::ranges::find(before, fresh) == before.end());
    const std::vector<int> now = ThreadIds().value();
    CHECK(std::ranges::find(now, fresh) != now.end());
    CHECK(ThreadStart(fresh).value() >= ThreadStart(own).value());
  });
}

}  // namespace memtiers
