#include "interleaved.h"

#include <algorithm>
#include <thread>
#include <vector>

#include "pool/crash_values.h"
#include "pool/faults.h"
#include "pool/lease.h"
#include "pool/pool_place.h"

namespace memtiers {
namespace {

Pool* other_member = nullptr;
int points_until_reuse = 0;

// Before his hold the object goes altogether; after it, it stays until he is done.
void ReuseAtPoint() {
  if (--points_until_reuse != 0) return;
  delay_at_point = nullptr;
  (void)other_member->Delete("key");
  other_member->Maintain();
  std::vector<Draft> drafts;
  for (;;) {
    const Result<Draft> draft = other_member->Begin(100);
    if (!draft.ok()) break;
    std::ranges::fill(draft.value().payload, std::byte{0xee});
    drafts.push_back(draft.value());
  }
  for (const Draft& draft : drafts) other_member->Abandon(draft);
}

bool ReadsTheRightThing(int point) {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, SmallPool());
  const auto other = JoinPool(file);
  const auto reader = JoinPool(file, {.verify = PoolVerify::kNever});
  const std::vector<std::byte> value = PatternFor(1, 100);
  (void)other->Put("key", value);
  other_member = other.get();
  points_until_reuse = point;
  delay_at_point = ReuseAtPoint;
  const Result<std::optional<Held>> held = reader->Get("key");
  delay_at_point = nullptr;
  if (!held.ok()) return false;
  if (!held.value().has_value()) return true;
  const bool same = std::ranges::equal(held.value()->payload, value);
  reader->Release(*held.value());
  return same;
}

// Wants all there is, and so adopts what it can.
void AdoptAtPoint() {
  if (--points_until_reuse != 0) return;
  delay_at_point = nullptr;
  const Result<Draft> all = other_member->Begin(other_member->memory().layout().MaxPayloadBytes());
  if (all.ok()) other_member->Abandon(all.value());
}

bool AdoptsWholeRuns(int point) {
  const PoolPlaceForTest place;
  const auto file = MakePool(place, SmallPool());
  const auto recoverer = JoinPool(file);
  const auto adopter = JoinPool(file);
  AsMemberWhoDies(file, [](Pool& pool) { (void)pool.Put("run", PatternFor(1, 60000)); });
  other_member = adopter.get();
  points_until_reuse = point;
  delay_at_point = AdoptAtPoint;
  recoverer->membership().RecoverDead();
  delay_at_point = nullptr;
  (void)adopter->Delete("run");
  adopter->Maintain();
  const Result<Draft> all = adopter->Begin(file->layout().MaxPayloadBytes());
  if (all.ok()) adopter->Abandon(all.value());
  return all.ok() && CheckPool(*file, nullptr).clean();
}

bool FencesItself() {
  const PoolPlaceForTest place;
  const PoolPlaceForTest lock;
  const auto file =
      PoolFile::Create({.path = place.path(), .lock_path = lock.path()}, SmallPool()).value();
  const auto member = JoinPool(file);
  const LeaseTerms terms{.length = std::chrono::milliseconds(20), .takeover = PoolTakeover::kLease};
  Lease lease(file, member->membership().index(), terms);
  std::this_thread::sleep_for(2 * terms.length);
  return !lease.Holds() && !lease.Renew();
}

// Of a member of another host who lives, and was not looked at for a whole lease yet.
bool WaitsForLeases() {
  const PoolPlaceForTest place;
  const PoolPlaceForTest lock;
  const auto file =
      PoolFile::Create({.path = place.path(), .lock_path = lock.path()}, SmallPool()).value();
  const auto member = JoinPool(
      file, {.lease = {.length = std::chrono::seconds(10), .takeover = PoolTakeover::kLease}});
  constexpr uint32_t kOther = 3;
  MemberEntry& entry = file->memory().Member(kOther);
  entry.boot = 12345;
  entry.lease = LeasePromise{.length = std::chrono::seconds(10), .fences_itself = true}.Pack();
  entry.word = MemberWord{.generation = 1, .state = MemberState::kLive}.Pack();
  return !member->membership().RecoverIfDead(kOther);
}

}  // namespace

bool ReaderSurvivesReuse() {
  return ReadsTheRightThing(1) && ReadsTheRightThing(2) && ReadsTheRightThing(3);
}

bool AdopterFindsWholeRuns() {
  for (int point = 1; point <= 12; ++point) {
    if (!AdoptsWholeRuns(point)) return false;
  }
  return true;
}

bool LeasesAreKept() { return FencesItself() && WaitsForLeases(); }

}  // namespace memtiers
