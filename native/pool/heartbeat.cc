#include "pool/heartbeat.h"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "sys/boot_clock.h"
#include "sys/quiet_thread.h"

namespace memtiers {
namespace {

using std::chrono::nanoseconds;

constexpr int kBeatsPerLease = 3;
// Others' leases are looked at so often at least, for a takeover soon after their end.
constexpr auto kLookEvery = std::chrono::milliseconds(100);

struct Due {
  std::shared_ptr<Beat> beat;
  nanoseconds renew_at{0};
};

struct Service {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Due> due;
  bool running = false;
};

// A child of fork has no thread and none of the members, so it begins with a new one.
Service* service = new Service;

void BeginAnewInChild() { service = new Service; }

Service& TheService() {
  static const int registered = pthread_atfork([] { service->mutex.lock(); },
                                               [] { service->mutex.unlock(); }, BeginAnewInChild);
  (void)registered;  // fails for want of memory only
  return *service;
}

nanoseconds PaceOf(const Beat& beat) { return nanoseconds(beat.lease.length()) / kBeatsPerLease; }

// False: no more for this one.
bool BeatOnce(Due& due) {
  const nanoseconds now = TimeSinceBoot();
  due.beat->others.Look();
  if (now < due.renew_at) return true;
  due.renew_at = now + PaceOf(*due.beat);
  return due.beat->lease.Renew();
}

void Run(Service& own) {
  std::unique_lock lock(own.mutex);
  while (!own.due.empty()) {
    // With the lock: what is done takes microseconds, and whoever stops is not beaten for after.
    std::erase_if(own.due, [](Due& due) { return !BeatOnce(due); });
    nanoseconds pace = kLookEvery;
    for (const Due& due : own.due) pace = std::min(pace, PaceOf(*due.beat));
    own.changed.wait_for(lock, pace);
  }
  own.running = false;
}

}  // namespace

Status StartBeating(const std::shared_ptr<Beat>& beat) {
  Service& own = TheService();
  const std::lock_guard guard(own.mutex);
  own.due.push_back({.beat = beat});
  if (!own.running) {
    const Status started = StartQuietThread(ThreadPace::kUrgent, [&own] { Run(own); });
    if (!started.ok()) {
      own.due.pop_back();
      return started;
    }
    own.running = true;
  }
  own.changed.notify_all();
  return {};
}

void StopBeating(const std::shared_ptr<Beat>& beat) {
  Service& own = TheService();
  const std::lock_guard guard(own.mutex);
  std::erase_if(own.due, [&](const Due& due) { return due.beat == beat; });
  own.changed.notify_all();
}

}  // namespace memtiers
