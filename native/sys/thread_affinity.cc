#include "sys/thread_affinity.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <climits>
#include <csignal>
#include <iterator>
#include <string>

namespace memtiers {
namespace {

using Mask = std::vector<unsigned long>;

constexpr size_t kWordBits = sizeof(unsigned long) * CHAR_BIT;
constexpr size_t kFewCpus = 8192;  // the most that distributions build kernels for
constexpr size_t kMostCpus = 65536;

cpu_set_t* AsSet(Mask& mask) { return reinterpret_cast<cpu_set_t*>(mask.data()); }
size_t BytesOf(const Mask& mask) { return mask.size() * sizeof(unsigned long); }

std::string NameOf(int thread) {
  return thread == 0 ? "this thread" : "thread " + std::to_string(thread);
}

Status Refused(int error, const char* syscall, const std::string& what) {
  if (error == ESRCH || error == EINVAL) {
    return Status::FromErrno(Code::kUnavailable, error, syscall, what);
  }
  return Status::FromErrno(error, syscall, what);
}

Status SetMask(int thread, Mask& mask, const std::string& what) {
  if (sched_setaffinity(thread, BytesOf(mask), AsSet(mask)) != 0) {
    return Refused(errno, "sched_setaffinity", what);
  }
  return {};
}

const std::vector<int>& StartCpus() {
  static const std::vector<int> cpus = [] {
    Result<std::vector<int>> own = ThreadCpus(0);
    return own.ok() ? own.value() : std::vector<int>();
  }();
  return cpus;
}

// To all that the cpuset has, and will have.
Status WidenThread(int thread) {
  Mask mask(kMostCpus / kWordBits, ~0UL);
  return SetMask(thread, mask, NameOf(thread) + " on every CPU");
}

// CPUs that the cpuset has, whatever this thread is bound to.
Result<std::vector<int>> CpusetCpus() {
  Result<std::vector<int>> cpus = std::vector<int>();
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread{};
  const int error = pthread_create(
      &thread, nullptr,
      [](void* result) -> void* {
        // Where this is refused nothing can be bound, and the thread has what the process has.
        (void)WidenThread(0);
        *static_cast<Result<std::vector<int>>*>(result) = ThreadCpus(0);
        return nullptr;
      },
      &cpus);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) return Status::FromErrno(Code::kFull, error, "pthread_create", "a thread");
  pthread_join(thread, nullptr);
  return cpus;
}

// Whether the process was started on a part of the cpuset. Not the list itself: CPUs that are
// plugged in later belong to a process that had all of them.
bool IsNarrowed() {
  static const bool narrowed = [] {
    const Result<std::vector<int>> cpuset = CpusetCpus();
    return cpuset.ok() && !StartCpus().empty() && cpuset.value() != StartCpus();
  }();
  return narrowed;
}

}  // namespace

ThreadPlace ThisThread() {
  unsigned cpu = 0;
  unsigned node = 0;
  (void)getcpu(&cpu, &node);  // fails for bad pointers only
  return {.cpu = static_cast<int>(cpu), .node = static_cast<int>(node), .thread = gettid()};
}

int CurrentNode() {
  unsigned node = 0;
  (void)getcpu(nullptr, &node);
  return static_cast<int>(node);
}

Result<std::vector<int>> ThreadCpus(int thread) {
  // EINVAL also says that the kernel may have more CPUs than the mask has bits.
  for (size_t bits = kFewCpus;; bits *= 2) {
    Mask mask(bits / kWordBits);
    if (sched_getaffinity(thread, BytesOf(mask), AsSet(mask)) != 0) {
      if (errno == EINVAL && bits < kMostCpus) continue;
      return Refused(errno, "sched_getaffinity", "the CPUs of " + NameOf(thread));
    }
    std::vector<int> cpus;
    for (size_t word = 0; word < mask.size(); ++word) {
      for (unsigned long left = mask[word]; left != 0; left &= left - 1) {
        cpus.push_back(static_cast<int>(word * kWordBits) + std::countr_zero(left));
      }
    }
    return cpus;
  }
}

Status SetThreadCpus(int thread, std::span<const int> cpus) {
  const int most = cpus.empty() ? 0 : *std::ranges::max_element(cpus);
  Mask mask(std::max(kFewCpus, static_cast<size_t>(most) + 1) / kWordBits + 1);
  for (const int cpu : cpus) {
    const auto bit = static_cast<size_t>(cpu);
    mask[bit / kWordBits] |= 1UL << (bit % kWordBits);
  }
  return SetMask(thread, mask, NameOf(thread) + " on " + std::to_string(cpus.size()) + " CPUs");
}

Status FreeThread(int thread) {
  if (IsNarrowed()) {
    const Result<std::vector<int>> usable = UsableCpus();
    return usable.ok() ? SetThreadCpus(thread, usable.value()) : usable.status();
  }
  return WidenThread(thread);
}

void RememberStartCpus() { (void)StartCpus(); }

Result<std::vector<int>> UsableCpus() {
  Result<std::vector<int>> cpuset = CpusetCpus();
  if (!cpuset.ok()) return cpuset;
  if (!IsNarrowed()) return cpuset;
  std::vector<int> both;
  std::ranges::set_intersection(cpuset.value(), StartCpus(), std::back_inserter(both));
  // A cpuset that was moved off what the process was started with wins, as in the kernel.
  if (both.empty()) return cpuset;
  return both;
}

}  // namespace memtiers
