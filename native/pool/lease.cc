#include "pool/lease.h"

#include <algorithm>
#include <utility>

#include "pool/faults.h"
#include "sys/boot_clock.h"

namespace memtiers {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr milliseconds kShortestGrace{20};
constexpr milliseconds kLongestGrace{250};
constexpr milliseconds kLongestLease = std::chrono::hours(24);

AtomicWord CounterOf(const PoolMemory& memory, uint32_t member) {
  return AtomicWord(memory.Member(member).heartbeat);
}

}  // namespace

milliseconds LeaseGrace(milliseconds length) {
  return std::clamp(length / 4, kShortestGrace, kLongestGrace);
}

LeasePromise LeasePromise::Unpack(uint64_t word) {
  const auto longest = static_cast<uint64_t>(kLongestLease.count());
  const uint64_t length = word >> 1;
  const bool possible = length > 0 && length <= longest;
  return {.length = milliseconds(possible ? length : longest), .fences_itself = (word & 1) != 0};
}

Lease::Lease(std::shared_ptr<const PoolFile> file, uint32_t member, const LeaseTerms& terms)
    : file_(std::move(file)),
      member_(member),
      word_(file_->memory().MemberStateWord(member).load(std::memory_order_acquire)),
      length_(std::clamp(terms.length, milliseconds(1), kLongestLease)),
      fences_itself_(terms.takeover == PoolTakeover::kLease),
      renewed_ns_(TimeSinceBoot().count()) {
  const LeasePromise promise{.length = length_, .fences_itself = fences_itself_};
  MemberEntry& entry = file_->memory().Member(member);
  AtomicWord(entry.lease).store(promise.Pack(), std::memory_order_release);
  (void)Renew();
}

bool Lease::InTime(nanoseconds now) const {
  if (!Obeys(PoolRule::kFencesItself)) return true;
  return now - nanoseconds(renewed_ns_.load(std::memory_order_acquire)) < length_;
}

bool Lease::Holds() const { return !fences_itself_ || InTime(TimeSinceBoot()); }

bool Lease::Renew() {
  const PoolMemory& memory = file_->memory();
  // Before counting: nobody can have seen the count earlier.
  const nanoseconds now = TimeSinceBoot();
  if (fences_itself_ && !InTime(now)) return false;
  if (memory.MemberStateWord(member_).load(std::memory_order_acquire) != word_) return false;
  CounterOf(memory, member_).fetch_add(1, std::memory_order_acq_rel);
  memory.coherence().Publish(&memory.Member(member_), sizeof(MemberEntry));
  renewed_ns_.store(now.count(), std::memory_order_release);
  return true;
}

LeaseWatch::LeaseWatch(std::shared_ptr<const PoolFile> file)
    : file_(std::move(file)), seen_(file_->layout().sizes().members) {
  Look();
}

void LeaseWatch::Look() {
  const PoolMemory& memory = file_->memory();
  const std::lock_guard guard(mutex_);
  for (uint32_t member = 0; member < seen_.size(); ++member) {
    memory.coherence().Refresh(&memory.Member(member), sizeof(MemberEntry));
    const uint64_t word = memory.MemberStateWord(member).load(std::memory_order_acquire);
    const uint64_t counter = CounterOf(memory, member).load(std::memory_order_acquire);
    // After the look: it stood still up to here at least.
    const nanoseconds now = TimeSinceBoot();
    Seen& seen = seen_[member];
    if (seen.word != word || seen.counter != counter || seen.since == nanoseconds(0)) {
      seen = {.word = word, .counter = counter, .since = now, .looked = now};
    }
    seen.looked = now;
  }
}

bool LeaseWatch::Silent(uint32_t member, bool grace) const {
  const PoolMemory& memory = file_->memory();
  const std::lock_guard guard(mutex_);
  const Seen& seen = seen_[member];
  if (memory.MemberStateWord(member).load(std::memory_order_acquire) != seen.word) return false;
  if (CounterOf(memory, member).load(std::memory_order_acquire) != seen.counter) return false;
  const LeasePromise promise =
      LeasePromise::Unpack(AtomicWord(memory.Member(member).lease).load(std::memory_order_acquire));
  const milliseconds length =
      promise.length + (grace ? LeaseGrace(promise.length) : milliseconds(0));
  return seen.looked - seen.since >= length;
}

}  // namespace memtiers
