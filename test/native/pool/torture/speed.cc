#include "speed.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "pool/crash_values.h"
#include "pool/pool_place.h"

namespace memtiers {
namespace {

using Clock = std::chrono::steady_clock;

struct Start {
  std::atomic<int> ready, go;
  std::atomic<uint64_t> operations;
};

PoolFormat LargePool() {
  PoolFormat format;
  format.sizes = {.capacity_bytes = kGiB};
  return format;
}

void AllocateAndFree(Pool& pool, uint64_t steps) {
  for (uint64_t i = 0; i < steps; ++i) {
    const Result<Draft> draft = pool.Begin(100);
    if (!draft.ok()) _exit(2);
    pool.Abandon(draft.value());
  }
}

void PutAndDelete(Pool& pool, uint64_t steps) {
  const std::string prefix = std::to_string(pool.membership().index()) + " ";
  const std::vector<std::byte> value(256);
  for (uint64_t i = 0; i < steps; ++i) {
    const std::string key = prefix + std::to_string(i % 1000);
    if (!pool.Put(key, value).ok() || !pool.Delete(key).ok()) _exit(2);
  }
}

void Replace(Pool& pool, uint64_t steps) {
  const std::string prefix = std::to_string(pool.membership().index()) + " ";
  const std::vector<std::byte> value(1024);
  for (uint64_t i = 0; i < steps; ++i) {
    if (!pool.Put(prefix + std::to_string(i % 1000), value).ok()) _exit(2);
  }
}

void GetAndRelease(Pool& pool, uint64_t steps) {
  const std::vector<std::byte> value(1024);
  std::vector<std::string> keys;
  for (int i = 0; i < 1000; ++i) {
    keys.push_back("key " + std::to_string(i));
    if (!pool.Put(keys.back(), value, 0).ok()) _exit(2);
  }
  for (uint64_t i = 0; i < steps; ++i) {
    const Result<std::optional<Held>> held = pool.Get(keys[i % keys.size()]);
    if (!held.ok() || !held.value().has_value()) _exit(2);
    pool.Release(*held.value());
  }
}

double Measure(void (*act)(Pool& pool, uint64_t steps), int members) {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, LargePool());
  constexpr uint64_t kBatch = 20000;
  constexpr auto kTime = std::chrono::milliseconds(1500);
  auto* const start =
      new (mmap(nullptr, sizeof(Start), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
          Start{};
  for (int i = 0; i < members; ++i) {
    if (fork() != 0) continue;
    const auto pool = JoinPool(file);
    act(*pool, kBatch);
    ++start->ready;
    while (start->go == 0) usleep(100);
    const auto until = Clock::now() + kTime;
    while (Clock::now() < until) {
      act(*pool, kBatch);
      start->operations += kBatch;
    }
    _exit(0);
  }
  while (start->ready < members) usleep(100);
  const auto begin = Clock::now();
  start->go = 1;
  for (int i = 0; i < members; ++i) wait(nullptr);
  const std::chrono::duration<double> took = Clock::now() - begin;
  const double rate = static_cast<double>(start->operations) / took.count();
  munmap(start, sizeof(Start));
  return rate;
}

void PrintRecovery() {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, LargePool());
  const auto pool = JoinPool(file);
  AsMemberWhoDies(file, [](Pool& dead) {
    const std::vector<std::byte> value(8000);
    for (int i = 0; i < 30000; ++i) (void)dead.Put("of the dead " + std::to_string(i), value);
  });
  const auto begin = Clock::now();
  const uint32_t dead = pool->membership().RecoverDead();
  const auto unblocked = Clock::now();
  // What wants more than is free adopts all there is.
  for (uint64_t before = ~uint64_t{0}; before != pool->figures().adopted;) {
    before = pool->figures().adopted;
    (void)pool->Begin(kGiB / 10 * 9);
  }
  const auto done = Clock::now();
  const auto us = [](auto time) {
    return static_cast<long long>(
        std::chrono::duration_cast<std::chrono::microseconds>(time).count());
  };
  std::printf(
      "recovery of %u dead in 1 GiB: %lld us until nobody waits, %lld us to adopt %llu extents\n",
      dead, us(unblocked - begin), us(done - unblocked),
      static_cast<unsigned long long>(pool->figures().adopted));
}

}  // namespace

int PrintSpeed() {
  const struct {
    const char* name;
    void (*act)(Pool& pool, uint64_t steps);
  } all[] = {{"allocate and free 100 B", AllocateAndFree},
             {"put and delete 256 B", PutAndDelete},
             {"replace 1 KiB", Replace},
             {"get and release 1 KiB", GetAndRelease}};
  for (const auto& one : all) {
    const double alone = Measure(one.act, 1);
    const double both = Measure(one.act, 2);
    std::printf("%-26s %6.2f M/s alone, %6.2f M/s by two: x%.2f\n", one.name, alone / 1e6,
                both / 1e6, both / alone);
  }
  PrintRecovery();
  return 0;
}

}  // namespace memtiers
