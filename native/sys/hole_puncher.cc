#include "sys/hole_puncher.h"

#include <unistd.h>

#include <utility>

#include "sys/backing_file.h"
#include "sys/library.h"
#include "sys/quiet_thread.h"

namespace memtiers {

HolePuncher& HolePuncher::Get() {
  // Never deleted: its thread may outlive whoever runs when the process ends. A forked child has
  // none of its parent's threads, and begins anew.
  static auto& mutex = *new std::mutex;
  static HolePuncher* puncher = nullptr;
  static pid_t process = 0;
  const std::lock_guard lock(mutex);
  if (process != getpid()) {
    puncher = new HolePuncher();
    process = getpid();
  }
  return *puncher;
}

void HolePuncher::Punch(const void* owner, int fd, uint64_t offset, uint64_t bytes,
                        std::function<void(bool)> done) {
  {
    const std::lock_guard lock(mutex_);
    holes_.push_back({.number = ++asked_,
                      .owner = owner,
                      .fd = fd,
                      .offset = offset,
                      .bytes = bytes,
                      .done = std::move(done)});
    if (working_) return;
    working_ = true;
    PinLibraryOf(reinterpret_cast<const void*>(&PunchHole));
    if (StartQuietThread(ThreadPace::kNormal, [this] { Work(); }).ok()) return;
  }
  Work();
}

void HolePuncher::Work() {
  std::unique_lock lock(mutex_);
  while (!holes_.empty()) {
    current_ = std::move(holes_.front());
    holes_.pop_front();
    lock.unlock();
    current_.done(PunchHole(current_.fd, current_.offset, current_.bytes).ok());
    lock.lock();
    current_ = {};
    punched_.notify_all();
  }
  working_ = false;
}

void HolePuncher::Finish() {
  std::unique_lock lock(mutex_);
  const uint64_t last = asked_;
  // In order: when the next is a later one, all of ours are done or dropped.
  punched_.wait(lock, [&] {
    if (current_.owner != nullptr) return current_.number > last;
    return holes_.empty() || holes_.front().number > last;
  });
}

void HolePuncher::Forget(const void* owner) {
  std::unique_lock lock(mutex_);
  std::erase_if(holes_, [owner](const Hole& hole) { return hole.owner == owner; });
  punched_.notify_all();
  punched_.wait(lock, [&] { return current_.owner != owner; });
}

}  // namespace memtiers
