#include "sys/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <ctime>

namespace memtiers {
namespace {

// Linux 5.16; the same number on every architecture. Headers of an older kernel lack it.
constexpr long kFutexWaitv = 449;
constexpr size_t kMostWords = 128;
constexpr uint32_t kWordOf32Bits = 2;  // FUTEX_32: without the private flag, so across processes

struct Waiter {
  uint64_t expected;
  uint64_t address;
  uint32_t flags;
  uint32_t reserved;
};

// futex_waitv(2) takes the moment and not the length of time.
timespec In(std::chrono::milliseconds timeout) {
  constexpr int64_t kNsPerSecond = 1'000'000'000;
  timespec now{};
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  const int64_t ns = now.tv_nsec + std::chrono::nanoseconds(timeout).count();
  return {.tv_sec = now.tv_sec + ns / kNsPerSecond, .tv_nsec = ns % kNsPerSecond};
}

}  // namespace

FutexWait WaitForAny(std::span<const FutexWord> words, std::chrono::milliseconds timeout) {
  std::array<Waiter, kMostWords> waiters{};
  if (words.empty() || words.size() > kMostWords) return FutexWait::kUnsupported;
  for (size_t i = 0; i < words.size(); ++i) {
    waiters[i] = {.expected = words[i].expected,
                  .address = reinterpret_cast<uint64_t>(words[i].word),
                  .flags = kWordOf32Bits,
                  .reserved = 0};
  }
  const timespec until = In(timeout);
  if (syscall(kFutexWaitv, waiters.data(), words.size(), 0, &until, CLOCK_MONOTONIC) >= 0) {
    return FutexWait::kWoken;
  }
  switch (errno) {
    case ETIMEDOUT:
      return FutexWait::kTimeout;
    case EAGAIN:
    case EINTR:
      return FutexWait::kWoken;
    default:
      return FutexWait::kUnsupported;
  }
}

void WakeSleepers(uint32_t* word) {
  (void)syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace memtiers
