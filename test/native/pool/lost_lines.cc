#include "lost_lines.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>
#include <unordered_set>
#include <vector>

#include "foreign_reader.h"
#include "line_replay.h"
#include "pool/check.h"
#include "pool_place.h"
#include "written_history.h"

namespace memtiers {
namespace {

PoolFormat SoftwarePool() {
  PoolFormat format = TinyPool();
  // Runs of extents whose words lie in two lines; members begin to look for them in the middle.
  format.sizes.capacity_bytes = 224 * kKiB;
  format.coherence = PoolCoherence::kSoftware;
  return format;
}

void TakeAllRoom(Pool& pool) {
  std::vector<Draft> drafts;
  for (const uint64_t bytes : {uint64_t{9000}, uint64_t{700}, uint64_t{0}}) {
    for (;;) {
      const Result<Draft> draft = pool.Begin(bytes);
      if (!draft.ok()) break;
      std::memset(&pool.memory().Header(draft.value().slot.offset), 0xee, sizeof(ObjectHeader));
      std::memset(draft.value().payload.data(), 0xee, draft.value().payload.size());
      drafts.push_back(draft.value());
    }
  }
  for (const Draft& draft : drafts) pool.Abandon(draft);
}

class Loss {
 public:
  Loss(const LostLinesPlan& plan, uint64_t seed, LostLinesReport& report)
      : plan_(plan), random_(seed), history_(seed, plan.changes), report_(&report) {
    writer_file_ = MakePool(writer_place_, SoftwarePool());
    trace_ = history_.Record(writer_file_);
    if (!trace_.problem.empty()) Problem(trace_.problem);
    for (const LineEvent& event : trace_.events) {
      if (event.kind == LineEvent::Kind::kStored) ++report_->stores;
      if (event.kind == LineEvent::Kind::kWrittenBack) ++report_->write_backs;
      if (event.kind == LineEvent::Kind::kDone) Count(event);
    }
  }

  void Run() {
    for (uint64_t pass = 0; pass < plan_.passes; ++pass) {
      const uint64_t eager = pass == 0 ? 0 : 1 + random_() % 50;
      LineReplay replay(trace_, plan_.write_backs);
      WrittenValues values(history_);
      while (!replay.AtEnd() && report_->violations == 0) {
        values.Follow(replay.Next());
        if (eager > 0) ThrowOutSome(replay, eager);
        LookAt(replay, values);
      }
    }
    for (uint64_t i = 0; i < plan_.readers && report_->violations == 0; ++i) ReadOn();
  }

 private:
  void Count(const LineEvent& event) {
    const WrittenChange::Kind kind = history_[event.at].kind;
    if (event.count > 0 && kind == WrittenChange::Kind::kPut) ++report_->puts;
    if (kind == WrittenChange::Kind::kDelete) ++report_->deletions;
  }

  void Problem(const std::string& what) {
    if (++report_->violations == 1) {
      report_->first_problem = "image " + std::to_string(report_->images) + ", read " +
                               std::to_string(report_->reads) + ": " + what;
    }
  }

  void ThrowOutSome(LineReplay& replay, uint64_t percent) {
    std::vector<uint64_t> lines;
    for (const auto& [line, bytes] : replay.dirty()) {
      if (random_() % 100 < percent) lines.push_back(line);
    }
    for (const uint64_t line : lines) replay.ThrowOut(line);
  }

  // What the device could have now.
  void LookAt(const LineReplay& replay, const WrittenValues& values) {
    const size_t dirty = replay.dirty().size();
    const bool all = dirty < 16 && uint64_t{1} << dirty <= plan_.subsets;
    const uint64_t subsets = all ? uint64_t{1} << dirty : plan_.subsets;
    for (uint64_t i = 0; i < subsets && report_->violations == 0; ++i) {
      // At random: mostly some of them, at times all but few or few.
      uint64_t chosen = all ? i : random_();
      if (!all && random_() % 4 == 0) chosen &= random_() & random_();
      if (!all && random_() % 4 == 0) chosen |= random_() | random_();
      LookAtSubset(replay, values, chosen);
    }
  }

  void LookAtSubset(const LineReplay& replay, const WrittenValues& values, uint64_t chosen) {
    uint64_t fingerprint = replay.fingerprint();
    LineReplay image = replay;
    uint64_t bit = 0;
    for (const auto& [line, bytes] : replay.dirty()) {
      if ((chosen >> (bit++ % 64) & 1) == 0) continue;
      fingerprint ^= replay.FingerprintOf(line);
      image.ThrowOut(line);
    }
    // The same bytes are to be more once a change is done.
    if (!seen_.insert(fingerprint ^ values.changes_done() * 0x9e3779b97f4a7c15).second) return;
    ++report_->images;
    ReadImage(image, values);
    if (report_->images % plan_.takeover_every == 0) TakeOver(image.device(), values);
  }

  bool MayHave(const WrittenValues& values, size_t key,
               const std::optional<std::span<const std::byte>>& payload) const {
    for (size_t number = values.Oldest(key); number <= values.Newest(key); ++number) {
      const uint64_t value = values.At(key, number);
      if (!payload.has_value() ? value == 0 : value != 0 && WrittenHistory::Is(*payload, value)) {
        return true;
      }
    }
    return false;
  }

  // By a host that has nothing in its caches.
  void ReadImage(const LineReplay& image, const WrittenValues& values) {
    ForeignReader reader(*writer_file_, image, true, [] {}, random_);
    const std::vector<std::string> listed = reader.Keys();
    for (size_t key = 0; key < WrittenHistory::kKeys; ++key) {
      const std::string name = WrittenHistory::KeyAt(key);
      const Result<std::optional<Copied>> copied = reader.Get(name);
      if (!copied.ok()) return Problem(name + ": " + copied.status().what());
      const std::optional<Copied>& got = copied.value();
      const bool found = got.has_value();
      std::optional<std::span<const std::byte>> payload;
      if (got.has_value()) payload = *got->bytes;
      if (!MayHave(values, key, payload)) {
        return Problem(name + (found ? " has a value it may not have" : " has no value"));
      }
      if (std::ranges::binary_search(listed, name) != found) {
        return Problem(name + " is listed and not there, or the other way round");
      }
    }
  }

  // By a host that goes on where the other one has lost its power.
  void TakeOver(std::span<const std::byte> image, const WrittenValues& values) {
    ++report_->takeovers;
    if (pwrite(heir_place_.fd(), image.data(), image.size(), 0) !=
        static_cast<ssize_t>(image.size())) {
      std::abort();
    }
    const Result<std::shared_ptr<const PoolFile>> file = PoolFile::Open(heir_place_.place());
    if (!file.ok()) return Problem("taken over: " + file.status().what());
    {
      const Result<std::unique_ptr<Pool>> joined = Pool::Join(file.value());
      if (!joined.ok()) return Problem("taken over: " + joined.status().what());
      Pool& pool = *joined.value();
      pool.Maintain();
      const PoolCheck check = CheckPool(*file.value(), nullptr);
      if (!check.clean()) return Problem("taken over: " + FindingsOf(check));
      if (!HasValues(pool, values)) return;
      TakeAllRoom(pool);
      if (!HasValues(pool, values)) return;
      if (!GoesOn(pool, values)) return;
      const Result<Draft> all = pool.Begin(pool.memory().layout().MaxPayloadBytes());
      if (!all.ok()) return Problem("taken over: not all memory is free at the end");
      pool.Abandon(all.value());
    }
    const PoolCheck after = CheckPool(*file.value(), nullptr);
    if (!after.clean()) return Problem("taken over, at the end: " + FindingsOf(after));
    if (after.free_extents != file.value()->layout().extent_count()) {
      Problem("taken over: extents leaked");
    }
  }

  bool HasValues(Pool& pool, const WrittenValues& values) {
    for (size_t key = 0; key < WrittenHistory::kKeys; ++key) {
      const std::string name = WrittenHistory::KeyAt(key);
      const Result<std::optional<Held>> held = pool.Get(name);
      bool good = false;
      if (held.ok()) {
        const std::optional<Held>& object = held.value();
        std::optional<std::span<const std::byte>> payload;
        if (object.has_value()) payload = object->payload;
        good = MayHave(values, key, payload);
        if (object.has_value()) pool.Release(*object);
      }
      if (good) continue;
      Problem("taken over: " + name + (held.ok() ? " has another value" : held.status().what()));
      return false;
    }
    return true;
  }

  // Versions go on, and all goes away.
  bool GoesOn(Pool& pool, const WrittenValues& values) {
    for (size_t key = 0; key < WrittenHistory::kKeys; ++key) {
      const std::string name = WrittenHistory::KeyAt(key);
      const Result<std::optional<Held>> held = pool.Get(name);
      uint64_t before = values.Version(key);
      if (held.ok()) {
        if (const std::optional<Held>& object = held.value(); object.has_value()) {
          before = std::max(before, object->version);
          pool.Release(*object);
        }
      }
      const Result<Changed> changed = pool.Put(name, PatternFor(key, 60));
      const bool newer = changed.ok() && changed.value().version > before;
      if (!newer) Problem("taken over: " + name + " has a version that it had already");
      if (!newer || !pool.Delete(name).ok()) return false;
    }
    return true;
  }

  // A reader with all of its caches, from the beginning of the trace to its end.
  void ReadOn() {
    LineReplay replay(trace_, plan_.write_backs);
    WrittenValues values(history_);
    const uint64_t eager = random_() % 3 == 0 ? 0 : random_() % 100;
    // Events between two fetches, on average.
    const uint64_t pace = 1 + random_() % 8;
    const auto go_on = [&] {
      for (uint64_t n = random_() % (2 * pace); n > 0 && !replay.AtEnd(); --n) {
        values.Follow(replay.Next());
        ThrowOutSome(replay, eager);
      }
    };
    ForeignReader reader(*writer_file_, replay, plan_.refreshes, go_on, random_);
    std::vector<size_t> seen(WrittenHistory::kKeys, 0);
    bool last = false;
    while (!last && report_->violations == 0) {
      last = replay.AtEnd();
      for (size_t key = 0; key < WrittenHistory::kKeys; ++key) {
        if (!last && random_() % 2 == 0) continue;
        const size_t oldest = std::max(values.Oldest(key), seen[key]);
        const std::string name = WrittenHistory::KeyAt(key);
        const Result<std::optional<Copied>> copied = reader.Get(name);
        ++report_->reads;
        if (!copied.ok()) return Problem(name + ", read on: " + copied.status().what());
        const std::optional<size_t> number = NumberOf(values, key, oldest, copied.value());
        if (!number.has_value()) return Problem(name + ", read on: no value it may have");
        if (*number != seen[key]) ++report_->renewals;
        seen[key] = *number;
      }
    }
  }

  // The first value from `oldest` on that it can be.
  std::optional<size_t> NumberOf(const WrittenValues& values, size_t key, size_t oldest,
                                 const std::optional<Copied>& copied) const {
    for (size_t number = oldest; number <= values.Newest(key); ++number) {
      const uint64_t value = values.At(key, number);
      if (copied.has_value() ? value != 0 && WrittenHistory::Is(*copied->bytes, value)
                             : value == 0) {
        return number;
      }
    }
    return std::nullopt;
  }

  LostLinesPlan plan_;
  std::mt19937_64 random_;
  PoolPlaceForTest writer_place_;
  PoolPlaceForTest heir_place_;
  std::shared_ptr<const PoolFile> writer_file_;
  WrittenHistory history_;
  LineTrace trace_;
  std::unordered_set<uint64_t> seen_;
  LostLinesReport* report_;
};

}  // namespace

LostLinesReport LoseLines(const LostLinesPlan& plan) {
  LostLinesReport report;
  for (uint64_t i = 0; i < plan.histories && report.violations == 0; ++i) {
    Loss(plan, plan.seed + i, report).Run();
  }
  return report;
}

}  // namespace memtiers
