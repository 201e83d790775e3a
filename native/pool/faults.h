// The pool's safety rules by name, so that test builds can break one at a time and see a test fail,
// and the points between its steps, where test builds lose time on purpose.
//
// Without MEMTIERS_POOL_FAULTS, which only the torture program is built with, all of it is nothing.
#pragma once

#ifdef MEMTIERS_POOL_FAULTS
#include <atomic>
#endif

namespace memtiers {

enum class PoolRule {
  kNone,
  kValidateAfterHold,      // a hold counts only if the directory still has the word after it
  kSweepReadsHolds,        // nothing that is held is reused
  kVerifyBeforeFree,       // a cleared live bit is a hint: the directory decides
  kClearLiveBeforeUnlink,  // else a death in between leaves a slot that nobody finds
  kRecoveryClearsHolds,
  kRecoveryFreesLocks,
  kRecoveryOrphansExtents,
  kAdoptionReadsHolds,
  kAdoptionReadsDirectory,
  kWriteBeforeCommit,          // header and payload are there before the word that names them
  kHoldsBeforeFree,            // own deletions too wait for their holders
  kRunHeadFirst,               // of a run only who has the head may touch the rest
  kLockProvesDeath,            // nobody is recovered who still has his lock
  kSetWritesAllCopies,         // a change is done when all its copies are named
  kSetCommitsBeforeUnlinking,  // what a key has goes when it has something else
  kSetFirstCopyLast,           // the copy that decides is named last
  kReleaseFromEnd,             // a run gives back its extents from the end
  kOrphanFromEnd,              // and loses its owner so: who finds the head finds all of it
  kFencesItself,               // who has not renewed his lease in time changes nothing any more
  kGraceAfterLease,            // nobody takes over before that
  // With software coherence: what must have reached the device before what comes next.
  kWritesBackPayload,   // before the word that names it
  kWritesBackHeader,    // likewise
  kWritesBackVersion,   // likewise: else the next host gives the same version again
  kWritesBackWord,      // before its change is acknowledged, or what it named is reused
  kWritesBackExtent,    // before an object in it is named
  kWritesBackRelease,   // of a run before the one in front of it
  kWritesBackRecovery,  // before the member is free, whom nobody would recover again
  kDropsWord,           // of those who only read: before it is looked at
  kDropsExtent,
  kDropsHeader,
  kDropsPayload,
};

#ifdef MEMTIERS_POOL_FAULTS
inline std::atomic<PoolRule> broken_rule{PoolRule::kNone};
inline std::atomic<void (*)()> delay_at_point{nullptr};

inline bool Obeys(PoolRule rule) { return broken_rule.load(std::memory_order_relaxed) != rule; }
inline void CrashPoint() {
  if (auto* const delay = delay_at_point.load(std::memory_order_relaxed)) delay();
}
#else
constexpr bool Obeys(PoolRule /*rule*/) { return true; }
constexpr void CrashPoint() {}
#endif

}  // namespace memtiers
