#include "pool/watcher.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "pool/notice.h"
#include "sys/futex.h"
#include "sys/quiet_thread.h"

namespace memtiers {

class PoolWatcher::State {
 public:
  State(Changed changed, const WatchPace& pace) : changed_(std::move(changed)), pace_(pace) {}

  void SetFiles(std::vector<std::shared_ptr<const PoolFile>> files);
  uint64_t Watch(std::string_view key);
  void Unwatch(uint64_t watch);
  void Run();
  void StopAndWait();

 private:
  struct Device {
    std::shared_ptr<const PoolFile> file;
    uint64_t boot = 0;
  };
  struct Watched {
    std::string key;
    std::vector<KeyTrace> traces;  // by device
  };
  // Shared by the round that uses it, so that devices may go meanwhile.
  using Devices = std::shared_ptr<const std::vector<Device>>;

  void Interrupt();
  std::vector<KeyTrace> TracesOf(const std::string& key) const;
  std::vector<uint64_t> LookAtAll();
  static bool AnybodyElsewhere(const Device& device);

  const Changed changed_;
  const WatchPace pace_;
  std::mutex mutex_;  // guards all below but control_
  Devices devices_ = std::make_shared<const std::vector<Device>>();
  std::map<uint64_t, Watched> watched_;
  uint64_t next_ = 1;
  bool stop_ = false;
  bool done_ = false;
  std::condition_variable is_done_;
  // Changes when the thread is to look up whatever the pool does.
  uint32_t control_ = 0;
};

void PoolWatcher::State::Interrupt() {
  AtomicHalf(control_).fetch_add(1, std::memory_order_seq_cst);
  WakeSleepers(&control_);
}

std::vector<KeyTrace> PoolWatcher::State::TracesOf(const std::string& key) const {
  std::vector<KeyTrace> traces;
  for (const Device& device : *devices_) {
    const PoolMemory& memory = device.file->memory();
    traces.push_back(KeyTrace::Of(memory, memory.Hash(key)));
  }
  return traces;
}

void PoolWatcher::State::SetFiles(std::vector<std::shared_ptr<const PoolFile>> files) {
  auto devices = std::make_shared<std::vector<Device>>();
  for (std::shared_ptr<const PoolFile>& file : files) {
    uint64_t boot = 0;
    const Result<RecordLock> lock = file->OpenLock();
    if (lock.ok()) {
      const Result<LockIdentity> identity = lock.value().Identity();
      if (identity.ok()) boot = identity.value().boot;
    }
    devices->push_back({.file = std::move(file), .boot = boot});
  }
  {
    const std::lock_guard guard(mutex_);
    devices_ = std::move(devices);
    // No traces: they differ from whatever is there now.
    for (auto& [watch, watched] : watched_) watched.traces.clear();
  }
  Interrupt();
}

uint64_t PoolWatcher::State::Watch(std::string_view key) {
  uint64_t watch = 0;
  {
    const std::lock_guard guard(mutex_);
    watch = next_++;
    Watched& watched = watched_[watch];
    watched.key = key;
    watched.traces = TracesOf(watched.key);
  }
  Interrupt();  // the bell is to be asked for
  return watch;
}

void PoolWatcher::State::Unwatch(uint64_t watch) {
  const std::lock_guard guard(mutex_);
  watched_.erase(watch);
}

// The watches whose keys may have changed. The bell is asked for before looking: a change that
// comes later rings it.
std::vector<uint64_t> PoolWatcher::State::LookAtAll() {
  std::vector<uint64_t> changed;
  for (auto& [watch, watched] : watched_) {
    for (const Device& device : *devices_) {
      const PoolMemory& memory = device.file->memory();
      if (!device.file->read_only()) AskForBell(memory, memory.ShardOf(memory.Hash(watched.key)));
    }
    std::vector<KeyTrace> traces = TracesOf(watched.key);
    bool differs = traces.size() != watched.traces.size();
    for (size_t i = 0; !differs && i < traces.size(); ++i) {
      differs = traces[i].DiffersFrom(watched.traces[i]);
    }
    watched.traces = std::move(traces);
    if (differs) changed.push_back(watch);
  }
  return changed;
}

// Whose changes ring no bell here.
bool PoolWatcher::State::AnybodyElsewhere(const Device& device) {
  if (device.file->locks_itself()) return false;
  const PoolMemory& memory = device.file->memory();
  for (uint32_t member = 0; member < memory.layout().sizes().members; ++member) {
    memory.coherence().Refresh(&memory.Member(member), sizeof(MemberEntry));
    const uint64_t word = memory.MemberStateWord(member).load(std::memory_order_acquire);
    if (MemberWord::Unpack(word).state == MemberState::kFree) continue;
    if (AtomicWord(memory.Member(member).boot).load(std::memory_order_relaxed) != device.boot) {
      return true;
    }
  }
  return false;
}

void PoolWatcher::State::Run() {
  bool can_wait = true;
  for (;;) {
    std::vector<FutexWord> words{
        {.word = &control_, .expected = AtomicHalf(control_).load(std::memory_order_seq_cst)}};
    Devices devices;
    std::vector<uint64_t> changed;
    bool elsewhere = false;
    bool idle = false;
    {
      const std::lock_guard guard(mutex_);
      if (stop_) break;
      devices = devices_;
      for (const Device& device : *devices) {
        const PoolMemory& memory = device.file->memory();
        words.push_back({.word = memory.BellAddress(),
                         .expected = memory.Bell().load(std::memory_order_seq_cst)});
        elsewhere = elsewhere || AnybodyElsewhere(device);
      }
      changed = LookAtAll();
      idle = watched_.empty();
    }
    for (const uint64_t watch : changed) changed_(watch);
    constexpr auto kNothingToDo = std::chrono::hours(1);
    const bool alone = elsewhere || !can_wait;
    const auto pace = alone ? pace_.poll_alone : pace_.poll;
    if (!can_wait) words.resize(1);
    const FutexWait waited = WaitForAny(words, idle ? kNothingToDo : pace);
    if (waited == FutexWait::kUnsupported) {
      // Its own word it can wait for everywhere but before Linux 5.16.
      if (!can_wait) std::this_thread::sleep_for(pace_.poll_alone);
      can_wait = false;
    }
  }
  const std::lock_guard guard(mutex_);
  done_ = true;
  is_done_.notify_all();
}

void PoolWatcher::State::StopAndWait() {
  std::unique_lock lock(mutex_);
  stop_ = true;
  Interrupt();
  is_done_.wait(lock, [&] { return done_; });
}

PoolWatcher::PoolWatcher(std::shared_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<PoolWatcher>> PoolWatcher::Start(Changed changed, const WatchPace& pace) {
  auto state = std::make_shared<State>(std::move(changed), pace);
  const Status started = StartQuietThread(ThreadPace::kNormal, [state] { state->Run(); });
  if (!started.ok()) return started;
  return std::unique_ptr<PoolWatcher>(new PoolWatcher(std::move(state)));
}

PoolWatcher::~PoolWatcher() { state_->StopAndWait(); }

void PoolWatcher::SetFiles(std::vector<std::shared_ptr<const PoolFile>> files) {
  state_->SetFiles(std::move(files));
}

uint64_t PoolWatcher::Watch(std::string_view key) { return state_->Watch(key); }

void PoolWatcher::Unwatch(uint64_t watch) { state_->Unwatch(watch); }

}  // namespace memtiers
