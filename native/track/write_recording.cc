#include "track/write_recording.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "sys/userfaultfd.h"

namespace memtiers {
namespace {

class Recorder {
 public:
  Status Start(std::byte* address, size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (Paused(address, bytes)) return {Code::kBusy, "somebody else needs the range for a moment"};
    if (!userfaultfd_.has_value()) {
      Result<Userfaultfd> opened = Userfaultfd::Open(Userfaultfd::Mode::kRecordWrites);
      if (!opened.ok()) return opened.status();
      userfaultfd_.emplace(std::move(opened.value()));
    }
    Status registered = userfaultfd_->Register(address, bytes, {.write_protected = true});
    if (!registered.ok()) return registered;
    Status is_protected = userfaultfd_->Protect(address, bytes);
    if (!is_protected.ok()) {
      (void)userfaultfd_->Unregister(address, bytes);
      return is_protected;
    }
    ranges_.insert_or_assign(address, bytes);
    return {};
  }

  void Stop(std::byte* address, size_t bytes) {
    const std::lock_guard lock(mutex_);
    StopHeld(address, bytes);
  }

  void Pause(std::byte* address, size_t bytes) {
    const std::lock_guard lock(mutex_);
    paused_.emplace(address, bytes);
    StopHeld(address, bytes);
  }

  void Resume(std::byte* address, size_t bytes) {
    const std::lock_guard lock(mutex_);
    paused_.erase(paused_.find({address, bytes}));
  }

 private:
  using Range = std::pair<std::byte*, size_t>;

  bool Paused(std::byte* address, size_t bytes) const {
    return std::ranges::any_of(paused_, [address, bytes](const Range& range) {
      return range.first < address + bytes && address < range.first + range.second;
    });
  }

  // REQUIRES: the lock is held.
  void StopHeld(std::byte* address, size_t bytes) {
    if (!userfaultfd_.has_value()) return;  // and nothing was ever started
    // Only what was started here: before Linux 6.16 UFFDIO_UNREGISTER ends the registration of any
    // descriptor, be it that of a move under way.
    const auto end = ranges_.lower_bound(address + bytes);
    for (auto range = ranges_.lower_bound(address); range != end; range = ranges_.erase(range)) {
      (void)userfaultfd_->Unregister(range->first, range->second);
    }
  }

  std::mutex mutex_;
  std::optional<Userfaultfd> userfaultfd_;
  std::map<std::byte*, size_t> ranges_;
  std::multiset<Range> paused_;  // few: as many as moves are under way
};

// Never destroyed: threads may outlive static objects.
Recorder& TheRecorder() {
  static auto& recorder = *new Recorder();
  return recorder;
}

}  // namespace

Status StartRecordingWrites(std::byte* address, size_t bytes) {
  return TheRecorder().Start(address, bytes);
}

void StopRecordingWrites(std::byte* address, size_t bytes) { TheRecorder().Stop(address, bytes); }

RecordingPause::RecordingPause(std::byte* address, size_t bytes)
    : address_(address), bytes_(bytes) {
  TheRecorder().Pause(address_, bytes_);
}

RecordingPause::~RecordingPause() { TheRecorder().Resume(address_, bytes_); }

}  // namespace memtiers
