#include "migrate/write_protected_move.h"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "migrate/move_point.h"
#include "migrate/racing_copy.h"
#include "sys/mapping.h"
#include "sys/probe.h"

namespace memtiers {
namespace {

using std::chrono::steady_clock;

// A chunk that is written faster than it is copied would never be copied; past so many rounds, or
// with so few pages left, holding writers back is what ends it.
constexpr int kMaxRounds = 2;
constexpr size_t kFewPages = 32;

// Notes which pages are written, and lifts their protection, until it is closed.
class WrittenPages final : public WriteWatch {
 public:
  explicit WrittenPages(std::byte* chunk) : chunk_(chunk), written_(kChunkBytes / PageBytes()) {}

  bool OnWrite(const Userfaultfd& userfaultfd, std::byte* page) override {
    const std::lock_guard lock(mutex_);
    if (closed_) return true;
    // Under the lock: once closed, no protection is lifted any more.
    if (userfaultfd.Unprotect(page, PageBytes()).code() == Code::kBusy) return false;
    written_[(page - chunk_) / PageBytes()] = true;
    return true;
  }

  // Pages written since the last call.
  std::vector<std::byte*> Take() {
    const std::lock_guard lock(mutex_);
    std::vector<std::byte*> pages;
    for (size_t i = 0; i < written_.size(); ++i) {
      if (written_[i]) pages.push_back(chunk_ + i * PageBytes());
      written_[i] = false;
    }
    return pages;
  }

  // From here on writers wait.
  void Close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }

  // The same, unless pages were written since they were last taken: then nothing happens.
  bool CloseUnlessWritten() {
    const std::lock_guard lock(mutex_);
    closed_ = std::ranges::find(written_, true) == written_.end();
    return closed_;
  }

 private:
  std::byte* chunk_;
  std::mutex mutex_;
  std::vector<bool> written_;
  bool closed_ = false;
};

class ShadowWatch final : public WriteWatch {
 public:
  ShadowWatch(std::byte* chunk, std::shared_ptr<ShadowState> state)
      : chunk_(chunk), state_(std::move(state)) {}

  bool OnWrite(const Userfaultfd& userfaultfd, std::byte* /*page*/) override {
    return state_->OnWrite([&] {
      return userfaultfd.Unregister(chunk_, kChunkBytes).code() != Code::kBusy;
    }) != ShadowState::Answer::kTryAgain;
  }

 private:
  std::byte* chunk_;
  std::shared_ptr<ShadowState> state_;
};

// From here on writes to `memory`, which is plain and is or will be the chunk, are the watch's.
Status Protect(const LiveStep& step, std::byte* memory, std::shared_ptr<WriteWatch> watch) {
  const Userfaultfd& userfaultfd = step.faults->userfaultfd();
  step.faults->Watch(step.chunk, std::move(watch));
  Status status = UntilNotBusy([&] {
    return userfaultfd.Register(memory, kChunkBytes, {.missing = false, .write_protected = true});
  });
  if (status.ok() && !userfaultfd.protects_untouched()) status = PopulateRead(memory, kChunkBytes);
  if (status.ok()) {
    status = UntilNotBusy([&] { return userfaultfd.Protect(memory, kChunkBytes); });
  }
  return status;
}

void Release(const LiveStep& step, std::byte* memory) {
  (void)UntilNotBusy([&] { return step.faults->userfaultfd().Unregister(memory, kChunkBytes); });
  step.faults->Unwatch(step.chunk);
}

Status CopyAgain(LiveStep& step, const std::vector<std::byte*>& pages, NextPlace& next) {
  for (std::byte* const page : pages) {
    Status status =
        UntilNotBusy([&] { return step.faults->userfaultfd().Protect(page, PageBytes()); });
    if (status.ok()) status = next.Put(page - step.chunk, page, PageBytes());
    if (!status.ok()) return status;
    step.copied_bytes += PageBytes();
  }
  return {};
}

Status CopyWhileWritten(LiveStep& step, WrittenPages& written, NextPlace& next) {
  Status status = next.Put(0, step.chunk, kChunkBytes);
  step.copied_bytes += kChunkBytes;
  if (status.ok()) status = CheckGoOn(step, next.Damaged());
  for (int round = 1; status.ok() && round < kMaxRounds; ++round) {
    const std::vector<std::byte*> pages = written.Take();
    // A chunk that nobody writes is cold, and the pages of its mapping can wait for whoever touches
    // them. One that is written has some to be copied while its writers wait.
    status = pages.empty() ? next.Map() : next.Populate();
    if (status.ok()) status = CopyAgain(step, pages, next);
    if (pages.size() <= kFewPages) break;
  }
  return status;
}

// Puts `next` over the chunk, whose writers are held back, and lets them go on.
template <typename Next>
Status Replace(LiveStep& step, Next& next, steady_clock::time_point held_back) {
  Status status = next.PutOver(step.chunk);
  if (!status.ok()) return status;
  (void)Reached(MovePoint::kReplaced);
  (void)step.faults->userfaultfd().Wake(step.chunk, kChunkBytes);
  step.pause = steady_clock::now() - held_back;
  step.faults->Unwatch(step.chunk);
  (void)Reached(MovePoint::kLetGo);
  return {};
}

Status HoldBackAndReplace(LiveStep& step, WrittenPages& written, NextPlace& next) {
  auto held_back = steady_clock::now();
  if (!written.CloseUnlessWritten()) {
    // Writing to a file can wait for its drive, and writers with it; writing to its pages does not.
    Status populated = next.Populate();
    if (!populated.ok()) return populated;
    held_back = steady_clock::now();
    written.Close();
  }
  Status status = Reached(MovePoint::kHeldBack);
  if (status.ok()) status = CopyAgain(step, written.Take(), next);
  if (status.ok()) status = Reached(MovePoint::kRecopied);
  if (status.ok()) status = CheckGoOn(step, next.Damaged());
  if (status.ok()) status = Replace(step, next, held_back);
  return status;
}

}  // namespace

Result<Backing> MoveBehindWriteProtection(LiveStep& step) {
  Result<NextPlace> next = MakeNextPlace(step);
  if (!next.ok()) return next.status();
  auto written = std::make_shared<WrittenPages>(step.chunk);
  Status status = Reached(MovePoint::kPrepared);
  if (status.ok()) status = Protect(step, step.chunk, written);
  if (status.ok()) status = CopyWhileWritten(step, *written, next.value());
  if (status.ok()) status = Reached(MovePoint::kCopied);
  if (status.ok()) status = HoldBackAndReplace(step, *written, next.value());
  if (status.ok()) return next.value().backing();
  Release(step, step.chunk);
  step.target_damaged = next.value().GiveUp();
  return status;
}

Result<Backing> PutShadowBack(LiveStep& step, const Shadow& shadow) {
  Result<Aside> aside = Aside::Reserve();
  if (!aside.ok()) return aside.status();
  Status status = step.target->MapAgain(aside.value().address(), shadow.backing);
  if (status.ok()) status = Reached(MovePoint::kPrepared);
  if (!status.ok()) return status;
  const auto held_back = steady_clock::now();
  if (!shadow.state->CloseIfClean()) {
    return Status::FromErrno(Code::kBusy, EAGAIN, "", "a shadow that was written");
  }
  status = Reached(MovePoint::kHeldBack);
  if (status.ok()) status = CheckGoOn(step, aside.value().Damaged());
  if (status.ok()) status = Replace(step, aside.value(), held_back);
  if (status.ok()) return shadow.backing;
  shadow.state->Reopen();
  // Whoever waits asks again.
  (void)step.faults->userfaultfd().Wake(step.chunk, kChunkBytes);
  return status;
}

std::shared_ptr<ShadowState> BeginShadow(const LiveStep& step, std::byte* next) {
  auto state = std::make_shared<ShadowState>();
  Status status = Reached(MovePoint::kShadowing);
  if (status.ok()) {
    status = Protect(step, next, std::make_shared<ShadowWatch>(step.chunk, state));
    if (!status.ok()) Release(step, next);
  }
  return status.ok() ? state : nullptr;
}

void EndShadow(const LiveStep& step, std::byte* memory) { Release(step, memory); }

}  // namespace memtiers
