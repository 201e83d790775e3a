#include "pool/membership.h"

#include <utility>

#include "pool/faults.h"
#include "pool/recovery.h"

namespace memtiers {
namespace {

MemberWord StateOf(const PoolMemory& memory, uint32_t member) {
  return MemberWord::Unpack(memory.MemberStateWord(member).load(std::memory_order_acquire));
}

}  // namespace

Membership::Membership(std::shared_ptr<const PoolFile> file, RecordLock lock)
    : file_(std::move(file)), lock_(std::move(lock)), index_(kMaxMembers) {}

// Two lock files for one device prove nothing to each other, so both must not be in use.
Status Membership::CheckLockFile(const LockIdentity& identity) const {
  if (file_->locks_itself()) return {};
  for (uint32_t member = 0; member < memory().layout().sizes().members; ++member) {
    if (StateOf(memory(), member).state == MemberState::kFree) continue;
    const MemberEntry& entry = memory().Member(member);
    if (entry.boot != identity.boot) continue;
    if (entry.lock_device != identity.device || entry.lock_inode != identity.inode) {
      return Status(Code::kBusy, "member " + std::to_string(member) +
                                     " of this host locks another file; name the same lock_path");
    }
  }
  return {};
}

Result<std::unique_ptr<Membership>> Membership::Join(std::shared_ptr<const PoolFile> file,
                                                     const MemberOptions& options) {
  Result<RecordLock> lock = file->OpenLock();
  if (!lock.ok()) return lock.status();
  const Result<LockIdentity> identity = lock.value().Identity();
  if (!identity.ok()) return identity.status();
  auto joining =
      std::unique_ptr<Membership>(new Membership(std::move(file), std::move(lock.value())));
  joining->boot_ = identity.value().boot;
  if (const Status same = joining->CheckLockFile(identity.value()); !same.ok()) return same;
  const uint32_t members = joining->memory().layout().sizes().members;
  for (uint32_t member = 0; member < members; ++member) {
    if (!joining->TryTake(member, identity.value(), options)) continue;
    // With a byte of it locked nobody formats it, but somebody may have before.
    if (!joining->file_->StillThere()) {
      return Status(Code::kClosed, "the pool is gone, or was made anew");
    }
    if (const Status begun = joining->BeginLease(options.lease); !begun.ok()) return begun;
    return joining;
  }
  return Status(Code::kFull, "all " + std::to_string(members) + " members of the pool are alive");
}

Status Membership::BeginLease(const LeaseTerms& terms) {
  if (file_->locks_itself()) return {};
  takeover_ = terms.takeover;
  beat_ = std::make_shared<Beat>(file_, index_, terms);
  return StartBeating(beat_);
}

Status Membership::CheckCurrent() const {
  if (Current()) return {};
  if (beat_ != nullptr && !beat_->lease.Holds()) {
    return Status(Code::kClosed,
                  "this member of the pool did not renew its lease in time; open the pool again");
  }
  return Status(Code::kClosed, "this member of the pool was declared dead; open the pool again");
}

void Membership::Recover(uint32_t member, bool take_over) {
  // A file that has its own locks has one host, whatever boot it was.
  RecoverMember(memory(), member, HostTag(boot_), take_over || file_->locks_itself());
}

bool Membership::TryTake(uint32_t member, const LockIdentity& identity,
                         const MemberOptions& options) {
  if (!CanTell(member)) return false;
  if (Obeys(PoolRule::kLockProvesDeath) && !lock_.TryLock(member).ok()) return false;
  Recover(member, false);
  MemberEntry& entry = memory().Member(member);
  AtomicWord word = memory().MemberStateWord(member);
  uint64_t seen = word.load(std::memory_order_acquire);
  MemberWord own = MemberWord::Unpack(seen);
  const bool free = own.state == MemberState::kFree;
  own.generation = (own.generation + 1) & ((uint64_t{1} << 48) - 1);
  own.state = MemberState::kRecovering;
  own.host = HostTag(boot_);
  // A compare-and-swap, because another host's lock bytes are not ours.
  if (!free || !word.compare_exchange_strong(seen, own.Pack(), std::memory_order_seq_cst)) {
    lock_.Unlock(member);
    return false;
  }
  memory().HoldLimit(member).store(0, std::memory_order_relaxed);
  AtomicWord(entry.boot).store(identity.boot, std::memory_order_relaxed);
  AtomicWord(entry.lock_device).store(identity.device, std::memory_order_relaxed);
  AtomicWord(entry.lock_inode).store(identity.inode, std::memory_order_relaxed);
  AtomicWord(entry.process)
      .store(static_cast<uint64_t>(lock_.process()), std::memory_order_relaxed);
  AtomicWord(entry.set_member).store(options.set_member, std::memory_order_relaxed);
  AtomicWord(entry.lease).store(0, std::memory_order_relaxed);
  own.state = MemberState::kLive;
  own.host = 0;
  word.store(own.Pack(), std::memory_order_seq_cst);
  memory().coherence().Publish(&entry, sizeof entry);
  index_ = member;
  generation_ = own.generation;
  own_word_ = own.Pack();
  return true;
}

Membership::~Membership() {
  if (beat_ != nullptr) StopBeating(beat_);
  // In a child of fork he is still his parent, and not ours to end.
  if (index_ >= kMaxMembers || !lock_.Ours() || !Current()) return;
  Recover(index_, false);
}

bool Membership::CanTell(uint32_t member) const {
  if (file_->locks_itself()) return true;
  const MemberWord word = StateOf(memory(), member);
  // Whoever joins or recovers says so before the rest of the entry is his.
  if (word.state == MemberState::kRecovering) return word.host == HostTag(boot_);
  return word.state == MemberState::kFree ||
         AtomicWord(memory().Member(member).boot).load(std::memory_order_acquire) == boot_;
}

bool Membership::Suspect(uint32_t member) const {
  return beat_ != nullptr && member < memory().layout().sizes().members && !CanTell(member) &&
         beat_->others.Silent(member, false);
}

// Whether he was silent for so long that by what he promised he does nothing any more.
bool Membership::LeaseIsOver(uint32_t member) const {
  if (beat_ == nullptr || takeover_ != PoolTakeover::kLease) return false;
  const uint64_t promise =
      AtomicWord(memory().Member(member).lease).load(std::memory_order_acquire);
  return LeasePromise::Unpack(promise).fences_itself &&
         (beat_->others.Silent(member, true) || !Obeys(PoolRule::kGraceAfterLease));
}

bool Membership::RecoverSilent(uint32_t member) {
  // The byte keeps others of this host from doing it, too.
  if (!LeaseIsOver(member) || !lock_.TryLock(member).ok()) return false;
  const bool over = LeaseIsOver(member);
  if (over) Recover(member, true);
  lock_.Unlock(member);
  return over && StateOf(memory(), member).state == MemberState::kFree;
}

bool Membership::RecoverIfDead(uint32_t member) {
  if (member >= memory().layout().sizes().members || member == index_) return false;
  if (StateOf(memory(), member).state == MemberState::kFree) return false;
  // Who is not himself any more has no say about others.
  if (!Current()) return false;
  if (!CanTell(member)) return RecoverSilent(member);
  if (Obeys(PoolRule::kLockProvesDeath) && !lock_.TryLock(member).ok()) return false;
  // He may have been recovered, and another one have come and gone, since the state was read.
  const bool dead = StateOf(memory(), member).state != MemberState::kFree && CanTell(member);
  if (dead) Recover(member, false);
  lock_.Unlock(member);
  return dead;
}

uint32_t Membership::RecoverDead() {
  uint32_t recovered = 0;
  for (uint32_t member = 0; member < memory().layout().sizes().members; ++member) {
    if (RecoverIfDead(member)) ++recovered;
  }
  return recovered;
}

bool Membership::LivesElsewhere(uint32_t member) const {
  if (StateOf(memory(), member).state == MemberState::kFree) return lock_.HeldByAnother(member);
  return !CanTell(member) || lock_.HeldByAnother(member);
}

uint32_t Membership::ReclaimBoot(uint64_t boot) {
  uint32_t recovered = 0;
  for (uint32_t member = 0; member < memory().layout().sizes().members; ++member) {
    const MemberWord word = StateOf(memory(), member);
    if (word.state == MemberState::kFree || boot == boot_) continue;
    const bool recovers = word.state == MemberState::kRecovering && word.host == HostTag(boot);
    if (!recovers &&
        AtomicWord(memory().Member(member).boot).load(std::memory_order_acquire) != boot) {
      continue;
    }
    if (!lock_.TryLock(member).ok()) continue;
    Recover(member, true);
    lock_.Unlock(member);
    ++recovered;
  }
  return recovered;
}

}  // namespace memtiers
