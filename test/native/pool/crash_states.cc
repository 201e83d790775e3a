#include "crash_states.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <unordered_set>

#include "crash_values.h"
#include "pool/check.h"
#include "pool/checksum.h"
#include "pool_place.h"
#include "stepped_child.h"

namespace memtiers {
namespace {

using Image = std::vector<std::byte>;

uint64_t HashOf(const Image& image) {
  return HashKey({reinterpret_cast<const char*>(image.data()), image.size()}, 0);
}

// An object of the living member's, and how it was when it took it.
struct Kept {
  uint64_t offset;
  Image bytes;
};

// A copy of the pool at a moment, in which the living member lives on.
class Copy {
 public:
  Copy(const Image& image, uint32_t living) {
    Write(image);
    Result<RecordLock> lock = RecordLock::Open(place_.fd());
    if (lock.ok()) lock_ = std::move(lock.value());
    living_ = living;
    locked_ = lock_.TryLock(living).ok();
    Result<std::shared_ptr<const PoolFile>> file = PoolFile::Open(place_.place());
    if (file.ok()) file_ = file.value();
  }

  bool good() const { return locked_ && file_ != nullptr; }
  const std::shared_ptr<const PoolFile>& file() const { return file_; }
  void LivingOneDies() { lock_.Unlock(living_); }
  Image Bytes() const {
    const std::byte* const base = file_->memory().base();
    return {base, base + file_->layout().sizes().capacity_bytes};
  }

 private:
  void Write(const Image& image) {
    if (pwrite(place_.fd(), image.data(), image.size(), 0) != static_cast<ssize_t>(image.size())) {
      std::abort();
    }
  }

  PoolPlaceForTest place_;
  RecordLock lock_;
  uint32_t living_ = 0;
  bool locked_ = false;
  std::shared_ptr<const PoolFile> file_;
};

// Takes all the room there is, in pieces of one size, and writes over it.
void TakeAllRoom(Pool& pool, uint64_t bytes) {
  std::vector<Draft> drafts;
  for (;;) {
    const Result<Draft> draft = pool.Begin(bytes);
    if (!draft.ok()) break;
    std::memset(&pool.memory().Header(draft.value().slot.offset), 0xee, sizeof(ObjectHeader));
    std::memset(draft.value().payload.data(), 0xee, draft.value().payload.size());
    drafts.push_back(draft.value());
  }
  for (const Draft& draft : drafts) pool.Abandon(draft);
}

class Enumeration {
 public:
  Enumeration(const CrashScenario& scenario, uint64_t nest_every)
      : scenario_(&scenario), nest_every_(nest_every) {}

  CrashReport Run() {
    const auto file = MakePool(place_, TinyPool());
    const auto other = JoinPool(file, {.verify = PoolVerify::kNever});
    living_ = other->membership().index();
    SteppedChild child([&] {
      Result<std::unique_ptr<Pool>> own = Pool::Join(file, {.verify = PoolVerify::kNever});
      if (!own.ok()) _exit(1);
      if (scenario_->prepare) scenario_->prepare(file, *own.value());
      SteppedChild::Pause();
      SteppedChild::Pause();
      scenario_->operation(own.value());
    });
    if (!child.AwaitPause()) Problem("the child ended");
    std::vector<Held> held;
    if (scenario_->meanwhile) scenario_->meanwhile(*other, held);
    for (const Held& object : held) {
      const std::byte* const base = file->memory().base();
      kept_.push_back({.offset = static_cast<uint64_t>(object.payload.data() - base),
                       .bytes = {object.payload.begin(), object.payload.end()}});
    }
    if (!child.AwaitNextPause()) Problem("the child ended");
    Image last(file->memory().base(),
               file->memory().base() + file->layout().sizes().capacity_bytes);
    Look(last);
    Step(child, file->memory().base(), last, [&](const Image& image) { Look(image); });
    for (const Held& object : held) other->Release(object);
    return report_;
  }

 private:
  void Problem(const std::string& what) {
    if (++report_.violations > 1) return;
    report_.first_problem = scenario_->name + ", state " + std::to_string(report_.states) +
                            (nested_ ? " nested: " : ": ") + what;
  }

  template <typename Function>
  void Step(SteppedChild& child, const std::byte* memory, Image last, const Function& at_change) {
    const std::string problem = child.StepToEnd([&] {
      ++report_.instructions;
      if (std::memcmp(last.data(), memory, last.size()) == 0) return;
      std::memcpy(last.data(), memory, last.size());
      at_change(last);
    });
    if (!problem.empty()) Problem(problem);
  }

  void Look(const Image& image) {
    if (!seen_.insert(HashOf(image)).second) return;
    ++report_.states;
    Verify(image);
    if (nest_every_ > 0 && report_.states % nest_every_ == 0) StepRecovery(image);
  }

  // Recovery by a process that dies in it, at every state it can leave.
  void StepRecovery(const Image& image) {
    nested_ = true;
    Copy copy(image, living_);
    if (!copy.good()) return Problem("the copy cannot be opened");
    SteppedChild child([&] {
      SteppedChild::Pause();
      const Result<std::unique_ptr<Pool>> own =
          Pool::Join(copy.file(), {.verify = PoolVerify::kNever});
      if (!own.ok()) _exit(1);
      own.value()->Maintain();
      // Wants all there is, so adopts what it can.
      const Result<Draft> all =
          own.value()->Begin(own.value()->memory().layout().MaxPayloadBytes());
      if (all.ok()) own.value()->Abandon(all.value());
    });
    if (!child.AwaitPause()) Problem("the child ended");
    Step(child, copy.file()->memory().base(), image, [&](const Image& nested) {
      if (!seen_.insert(HashOf(nested)).second) return;
      ++report_.nested_states;
      Verify(nested);
    });
    nested_ = false;
  }

  void Verify(const Image& image) {
    Copy copy(image, living_);
    if (!copy.good()) return Problem("the copy cannot be opened");
    {
      const Result<std::unique_ptr<Pool>> joined = Pool::Join(copy.file());
      if (!joined.ok()) return Problem(joined.status().what());
      Pool& pool = *joined.value();
      const PoolCheck check = CheckPool(*copy.file(), nullptr);
      if (!check.clean()) return Problem(FindingsOf(check));
      if (!ValuesAreGood(pool) || !KeptAreGood(*copy.file())) return;
      pool.Maintain();
      for (const uint64_t bytes : {uint64_t{20000}, uint64_t{9000}, uint64_t{700}, uint64_t{0}}) {
        TakeAllRoom(pool, bytes);
      }
      if (!ValuesAreGood(pool) || !KeptAreGood(*copy.file())) return;
      if (!EmptiesWholly(pool, copy)) return;
    }
    const PoolCheck after = CheckPool(*copy.file(), nullptr);
    if (!after.clean()) return Problem("at the end: " + FindingsOf(after));
    if (after.free_extents != copy.file()->layout().extent_count()) {
      Problem(std::to_string(after.owned_extents + after.orphan_extents) + " extents leaked");
    }
  }

  bool ValuesAreGood(Pool& pool) {
    for (const auto& [key, values] : scenario_->allowed) {
      const Result<std::optional<Held>> held = pool.Get(key);
      if (!held.ok()) {
        Problem(key + ": " + held.status().what());
        return false;
      }
      const bool good = std::ranges::any_of(values, [&](uint64_t value) {
        if (!held.value().has_value()) return value == kNoValue;
        return value != kNoValue && IsCrashValue(held.value()->payload, value);
      });
      if (held.value().has_value()) pool.Release(*held.value());
      if (good) continue;
      Problem(key + (held.value().has_value() ? " has a value it may not have" : " has no value"));
      return false;
    }
    return true;
  }

  bool KeptAreGood(const PoolFile& file) {
    for (const Kept& kept : kept_) {
      if (std::memcmp(file.memory().base() + kept.offset, kept.bytes.data(), kept.bytes.size()) ==
          0) {
        continue;
      }
      Problem("what a living member holds was changed");
      return false;
    }
    return true;
  }

  bool EmptiesWholly(Pool& pool, Copy& copy) {
    uint64_t position = 0;
    while (const std::optional<Listed> listed = pool.Next(position)) {
      if (!pool.Delete(listed->key).ok()) {
        Problem("cannot delete " + listed->key);
        return false;
      }
    }
    copy.LivingOneDies();
    pool.Maintain();
    const Result<Draft> all = pool.Begin(pool.memory().layout().MaxPayloadBytes());
    if (!all.ok()) {
      Problem("not all memory is free at the end");
      return false;
    }
    pool.Abandon(all.value());
    return true;
  }

  const CrashScenario* scenario_;
  uint64_t nest_every_;
  PoolPlaceForTest place_;
  uint32_t living_ = 0;
  std::vector<Kept> kept_;
  std::unordered_set<uint64_t> seen_;
  bool nested_ = false;
  CrashReport report_;
};

}  // namespace

CrashReport EnumerateCrashes(const CrashScenario& scenario, uint64_t nest_every) {
  return Enumeration(scenario, nest_every).Run();
}

}  // namespace memtiers
