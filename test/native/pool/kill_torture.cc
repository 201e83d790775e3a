#include "kill_torture.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "killed_children.h"
#include "pool/check.h"
#include "pool/extents.h"
#include "pool/pool.h"
#include "pool_place.h"

namespace memtiers {
namespace {

constexpr uint32_t kOwnKeys = 6;
constexpr uint64_t kSharedKeys = 48;
constexpr uint64_t kTierExtents = 4;  // of a worker at most
static_assert(kOwnKeys <= TortureLedger::kMaxOwnKeys);

// A value is this and a pattern that follows from it.
struct Stamp {
  uint64_t key;
  uint64_t sequence;
};

uint64_t Mix(uint64_t value) {
  value ^= value >> 31;
  value *= 0x9e3779b97f4a7c15;
  return value ^ value >> 29;
}

void Fill(std::span<std::byte> payload, const Stamp& stamp) {
  std::memcpy(payload.data(), &stamp, sizeof stamp);
  uint64_t state = Mix(stamp.key * 31 + stamp.sequence);
  for (size_t i = sizeof stamp; i < payload.size(); i += sizeof state) {
    state = Mix(state + i);
    std::memcpy(&payload[i], &state, std::min(sizeof state, payload.size() - i));
  }
}

bool IsWhole(std::span<const std::byte> payload, uint64_t key, Stamp& stamp) {
  if (payload.size() < sizeof stamp) return false;
  std::memcpy(&stamp, payload.data(), sizeof stamp);
  if (stamp.key != key) return false;
  std::vector<std::byte> expected(payload.size());
  Fill(expected, stamp);
  return std::ranges::equal(expected, payload);
}

class Worker {
 public:
  Worker(const std::shared_ptr<const PoolFile>& file, TortureLedger& ledger, uint32_t index,
         uint64_t seed)
      : ledger_(&ledger), index_(index), random_(seed) {
    // Without sums: what is wrong must show in the values themselves.
    Result<std::unique_ptr<Pool>> pool = Pool::Join(file, {.verify = PoolVerify::kNever});
    if (pool.ok()) {
      pool_ = std::move(pool.value());
      tier_.emplace(pool_->memory(), pool_->membership().index(), kTierExtents);
    } else {
      ledger.Note(ledger.errors, "join: " + pool.status().what());
    }
  }

  void RunUntilKilled() {
    if (pool_ == nullptr) return;
    for (uint32_t key = 0; key < kOwnKeys; ++key) CheckOwn(key);
    for (;;) {
      Step();
      ++ledger_->operations;
    }
  }

 private:
  uint64_t Random(uint64_t below) { return random_() % below; }
  std::string SharedName(uint64_t key) { return "shared " + std::to_string(key); }
  std::string OwnName(uint32_t key) {
    return "of " + std::to_string(index_) + " " + std::to_string(key);
  }
  uint64_t OwnKey(uint32_t key) const { return 1000 + index_ * 100 + key; }

  // Small ones mostly, and some that take several extents.
  size_t RandomSize() {
    const uint64_t kind = Random(40);
    if (kind == 0) return 20000 + Random(60000);
    return sizeof(Stamp) + Random(kind < 8 ? 12000 : 900);
  }

  bool Store(const std::string& name, uint64_t key, uint64_t sequence) {
    const Result<Draft> draft = pool_->Begin(RandomSize());
    if (!draft.ok()) return Refused(draft.status());
    Fill(draft.value().payload, {.key = key, .sequence = sequence});
    const Result<Changed> changed =
        pool_->Publish(draft.value(), name, ObjectKind::kValue, std::nullopt);
    if (changed.ok()) {
      ++ledger_->stored;
      return true;
    }
    pool_->Abandon(draft.value());
    return Refused(changed.status());
  }

  bool Refused(const Status& status) { return ledger_->Refused(status); }

  // 0: the key has no value.
  uint64_t Read(const std::string& name, uint64_t key, bool linger) {
    const Result<std::optional<Held>> held = pool_->Get(name);
    if (!held.ok()) {
      Refused(held.status());
      return TortureLedger::kUnread;
    }
    if (!held.value().has_value()) return 0;
    Stamp stamp{};
    bool whole = IsWhole(held.value()->payload, key, stamp);
    if (linger && whole) {
      for (uint64_t i = Random(4); i > 0; --i) std::this_thread::yield();
      Stamp again{};
      whole = IsWhole(held.value()->payload, key, again) && again.sequence == stamp.sequence;
    }
    if (!whole) ledger_->Note(ledger_->bad_reads, "a bad value of " + name);
    pool_->Release(*held.value());
    ++ledger_->read;
    return stamp.sequence;
  }

  void CheckOwn(uint32_t key) {
    ledger_->Found(index_, key, OwnName(key), Read(OwnName(key), OwnKey(key), false));
  }

  void ChangeOwn(uint32_t key) {
    const uint64_t next = Random(4) == 0 ? 0 : random_() | 1;
    ledger_->Begin(index_, key, next);
    bool done = true;
    if (next == 0) {
      const Result<Changed> changed = pool_->Delete(OwnName(key));
      done = changed.ok() || Refused(changed.status());
    } else {
      done = Store(OwnName(key), OwnKey(key), next);
    }
    ledger_->End(index_, key, done);
  }

  // Extents of the worker's own, as a tier's: filled, and still as they were when they go back.
  void ChangeTier() {
    if (own_extents_.size() < kTierExtents) {
      uint64_t count = 1 + Random(kTierExtents - own_extents_.size());
      const std::optional<uint64_t> first = tier_->ClaimPrivate(count);
      if (!first.has_value()) return;
      for (uint64_t extent = *first; extent < *first + count; ++extent) {
        Fill(Bytes(extent), {.key = extent, .sequence = random_()});
        own_extents_.push_back(extent);
      }
      return;
    }
    for (const uint64_t extent : own_extents_) {
      Stamp stamp{};
      if (!IsWhole(Bytes(extent), extent, stamp)) {
        ledger_->Note(ledger_->bad_reads, "a tier that somebody wrote to");
      }
      tier_->Release(extent, 1);
      ++ledger_->given_back;
    }
    own_extents_.clear();
  }

  std::span<std::byte> Bytes(uint64_t extent) const {
    const PoolMemory& memory = pool_->memory();
    return {memory.base() + memory.ExtentOffset(extent), memory.layout().sizes().extent_bytes};
  }

  void Step() {
    const uint64_t choice = Random(20);
    const uint64_t key = Random(kSharedKeys);
    if (choice < 6) {
      Store(SharedName(key), key, random_());
    } else if (choice < 9) {
      const Result<Changed> changed = pool_->Delete(SharedName(key));
      if (!changed.ok()) Refused(changed.status());
      if (changed.ok() && changed.value().done) ++ledger_->deleted;
    } else if (choice < 14) {
      Read(SharedName(key), key, true);
    } else if (choice < 17) {
      ChangeOwn(static_cast<uint32_t>(Random(kOwnKeys)));
    } else if (choice < 18) {
      CheckOwn(static_cast<uint32_t>(Random(kOwnKeys)));
    } else if (choice < 19) {
      const Result<int64_t> sum = pool_->Add("counter", 1);
      if (sum.ok()) ++ledger_->counted;
      if (!sum.ok()) Refused(sum.status());
    } else if (const uint64_t rare = Random(8); rare == 0) {
      pool_->Maintain();
    } else if (rare < 4) {
      ChangeTier();
    }
  }

  TortureLedger* ledger_;
  uint32_t index_;
  std::mt19937_64 random_;
  std::unique_ptr<Pool> pool_;
  std::optional<Extents> tier_;
  std::vector<uint64_t> own_extents_;
};

class Torture {
 public:
  explicit Torture(const TorturePlan& plan)
      : plan_(plan), place_(plan.directory), random_(plan.seed) {
    PoolFormat format;
    format.sizes = {.capacity_bytes = 2 * kMiB,
                    .extent_bytes = 32 * kKiB,
                    .members = 8,
                    .holds = 64,
                    .shards = 4,
                    .shard_slots = 64};
    if (plan.software) format.coherence = PoolCoherence::kSoftware;
    file_ = MakePool(place_, format);
    extents_ = file_->layout().extent_count();
  }

  TortureReport Run() {
    while (report_.kills < plan_.kills && report_.problems() == 0) {
      for (uint32_t i = 0; i < plan_.processes; ++i) Start(i);
      const uint64_t until = std::min(plan_.kills, report_.kills + plan_.kills_between_walks);
      while (report_.kills + plan_.processes < until && report_.hangs == 0) {
        const auto victim = static_cast<uint32_t>(random_() % plan_.processes);
        std::this_thread::sleep_for(std::chrono::microseconds(random_() % plan_.longest_life_us));
        Kill(victim);
        Start(victim);
        // Nobody may wait for the dead: something is done all the time.
        if (children_.Hang(ledger_->operations)) report_.hangs = 1;
      }
      for (uint32_t i = 0; i < plan_.processes; ++i) Kill(i);
      WalkAndEmpty();
      ledger_->Collect(report_);
      report_.given_back = ledger_->given_back;
    }
    return report_;
  }

 private:
  void Start(uint32_t index) {
    const uint64_t seed = random_();
    children_.Start(index, plan_.delay,
                    [&] { Worker(file_, *ledger_, index, seed).RunUntilKilled(); });
  }

  void Kill(uint32_t index) {
    if (ledger_->Ended(children_.Kill(index))) ++report_.kills;
  }

  // All are dead: one member recovers them, finds all values whole, and all memory free when they
  // are gone.
  void WalkAndEmpty() {
    ++report_.walks;
    {
      const Result<std::unique_ptr<Pool>> joined = Pool::Join(file_);
      if (!joined.ok()) {
        ledger_->Note(ledger_->errors, "join: " + joined.status().what());
        return;
      }
      Pool& pool = *joined.value();
      pool.Maintain();
      const PoolCheck check = CheckPool(*file_, nullptr);
      report_.damages += check.damages;
      if (!check.clean()) ledger_->Note(ledger_->lost, FindingsOf(check));
      if (check.held > 0) ledger_->Note(ledger_->lost, "holds of the dead");
      CheckCounter(pool);
      uint64_t position = 0;
      while (const std::optional<Listed> listed = pool.Next(position)) {
        if (!pool.Delete(listed->key).ok()) ledger_->Note(ledger_->errors, "delete at the end");
      }
      ledger_->ForgetValues();
      ledger_->counted = 0;
      counter_kills_ = report_.kills;
      while (AdoptAll(pool)) {
      }
      pool.Maintain();
    }
    const PoolCheck after = CheckPool(*file_, nullptr);
    if (after.free_extents == extents_) return;
    report_.leaked_extents += extents_ - after.free_extents;
    ledger_->Note(ledger_->lost, std::to_string(extents_ - after.free_extents) + " extents leaked");
  }

  // By need, as members do: a value that takes more than there is free.
  bool AdoptAll(Pool& pool) {
    const uint64_t before = pool.figures().adopted;
    const uint64_t most = pool.memory().layout().MaxPayloadBytes();
    const Result<Draft> all = pool.Begin(most);
    if (all.ok()) pool.Abandon(all.value());
    return pool.figures().adopted != before;
  }

  void CheckCounter(Pool& pool) {
    const Result<int64_t> sum = pool.Add("counter", 0);
    if (!sum.ok()) return;
    const auto counted = static_cast<int64_t>(ledger_->counted.load());
    const auto kills = static_cast<int64_t>(report_.kills - counter_kills_);
    if (sum.value() < counted || sum.value() > counted + kills) {
      ledger_->Note(ledger_->lost, "the counter has " + std::to_string(sum.value()) + ", told " +
                                       std::to_string(counted));
    }
  }

  TorturePlan plan_;
  PoolPlaceForTest place_;
  const std::unique_ptr<TortureLedger, TortureLedger::Unmap> ledger_ = TortureLedger::Make();
  std::mt19937_64 random_;
  std::shared_ptr<const PoolFile> file_;
  uint64_t extents_ = 0;
  KilledChildren children_{plan_.processes};
  TortureReport report_;
  uint64_t counter_kills_ = 0;
};

}  // namespace

TortureReport TorturePool(const TorturePlan& plan) { return Torture(plan).Run(); }

}  // namespace memtiers
