#include "written_history.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>

#include "crash_values.h"
#include "pool_place.h"

namespace memtiers {
namespace {

// From here on values take a run of extents; few of their bytes are written, for each of them is a
// step.
constexpr uint64_t kFirstLarge = 1000;
constexpr size_t kLargeBytes = 40000;
constexpr size_t kWrittenOfLarge = 32;

constexpr uint64_t FirstValue(size_t key) {
  constexpr std::array<uint64_t, WrittenHistory::kKeys> kFirst{1, 2, 3, kFirstLarge, 0};
  return kFirst[key];
}

std::vector<std::byte> BytesOf(uint64_t value) {
  if (value >= kFirstLarge) return PatternFor(value, kWrittenOfLarge);
  return PatternFor(value, 40 + value * 97 % 500);
}

// The version; 0: there was no room.
uint64_t Put(Pool& pool, size_t key, uint64_t value, const std::vector<std::byte>& bytes) {
  const bool large = value >= kFirstLarge;
  const Result<Draft> draft = pool.Begin(large ? kLargeBytes : bytes.size());
  if (!draft.ok()) {
    if (draft.status().code() != Code::kFull) _exit(3);
    return 0;
  }
  std::memcpy(draft.value().payload.data(), bytes.data(), bytes.size());
  const Result<Changed> changed = pool.Publish(draft.value(), WrittenHistory::KeyAt(key),
                                               large ? ObjectKind::kRegion : ObjectKind::kValue);
  if (!changed.ok() || !changed.value().done) _exit(4);
  return changed.value().version;
}

void PutFirst(Pool& pool, size_t key) {
  if (Put(pool, key, FirstValue(key), BytesOf(FirstValue(key))) == 0) _exit(5);
}

struct Host {
  std::shared_ptr<const PoolFile> file;
  std::array<std::unique_ptr<Pool>, 2> members;

  void Join(size_t member) {
    Result<std::unique_ptr<Pool>> pool = Pool::Join(file);
    if (!pool.ok()) _exit(6);
    members[member] = std::move(pool.value());
  }

  uint64_t Do(const WrittenChange& change, const std::vector<std::byte>& bytes) {
    Pool& pool = *members[change.member];
    switch (change.kind) {
      case WrittenChange::Kind::kPut:
        return Put(pool, change.key, change.value, bytes);
      case WrittenChange::Kind::kDelete:
        if (!pool.Delete(WrittenHistory::KeyAt(change.key)).ok()) _exit(7);
        return 1;
      case WrittenChange::Kind::kRead: {
        const Result<std::optional<Held>> held = pool.Get(WrittenHistory::KeyAt(change.key));
        if (!held.ok()) _exit(8);
        if (held.value().has_value()) pool.Release(*held.value());
        return 1;
      }
      case WrittenChange::Kind::kMaintain:
        pool.Maintain();
        return 1;
      case WrittenChange::Kind::kWantAll: {
        const Result<Draft> all = pool.Begin(pool.memory().layout().MaxPayloadBytes());
        if (all.ok()) pool.Abandon(all.value());
        return 1;
      }
      case WrittenChange::Kind::kRejoin:
        members[change.member].reset();
        Join(change.member);
        return 1;
    }
    return 0;
  }
};

}  // namespace

WrittenHistory::WrittenHistory(uint64_t seed, size_t changes) {
  using Kind = WrittenChange::Kind;
  std::mt19937_64 random(seed);
  for (size_t i = 0; i < changes; ++i) {
    const uint64_t choice = random() % 20;
    WrittenChange change{
        .kind = Kind::kPut, .member = random() % 2, .key = random() % kKeys, .value = 10 + i};
    if (choice < 4) {
      change.kind = Kind::kDelete;
    } else if (choice < 8) {
      constexpr std::array kOthers{Kind::kRead, Kind::kMaintain, Kind::kWantAll, Kind::kRejoin};
      change.kind = kOthers[choice - 4];
    } else if (choice < 11) {
      change.value += kFirstLarge;
    }
    changes_.push_back(change);
  }
}

bool WrittenHistory::Is(std::span<const std::byte> payload, uint64_t value) {
  const std::vector<std::byte> bytes = BytesOf(value);
  return payload.size() == (value >= kFirstLarge ? kLargeBytes : bytes.size()) &&
         std::ranges::equal(payload.first(bytes.size()), bytes);
}

LineTrace WrittenHistory::Record(const std::shared_ptr<const PoolFile>& file) const {
  std::vector<std::vector<std::byte>> bytes;
  for (const WrittenChange& change : changes_) bytes.push_back(BytesOf(change.value));
  Host host{.file = file, .members = {}};
  return RecordLines(
      *file,
      [&] {
        AsMemberWhoDies(file, [](Pool& pool) {
          PutFirst(pool, 1);
          PutFirst(pool, 3);
          (void)pool.Get(KeyAt(1));
        });
        for (size_t member = 0; member < host.members.size(); ++member) host.Join(member);
        PutFirst(*host.members[0], 0);
        PutFirst(*host.members[1], 2);
      },
      [&] {
        for (size_t i = 0; i < changes_.size(); ++i) {
          SayBegun(i);
          SayDone(i, host.Do(changes_[i], bytes[i]));
        }
        for (std::unique_ptr<Pool>& member : host.members) member.reset();
      });
}

WrittenValues::WrittenValues(const WrittenHistory& history)
    : history_(&history), keys_(WrittenHistory::kKeys) {
  for (size_t key = 0; key < keys_.size(); ++key) keys_[key].values.push_back(FirstValue(key));
}

void WrittenValues::Follow(const LineEvent& event) {
  if (event.kind != LineEvent::Kind::kBegun && event.kind != LineEvent::Kind::kDone) return;
  const WrittenChange& change = (*history_)[event.at];
  const bool done = event.kind == LineEvent::Kind::kDone;
  if (done) ++changes_done_;
  const bool deletes = change.kind == WrittenChange::Kind::kDelete;
  if (change.kind != WrittenChange::Kind::kPut && !deletes) return;
  OfKey& key = keys_[change.key];
  if (!done) {
    key.values.push_back(deletes ? 0 : change.value);
  } else if (event.count == 0) {
    key.values.pop_back();
  } else {
    key.done = key.values.size() - 1;
    if (!deletes) key.version = event.count;
  }
}

}  // namespace memtiers
