// A member's place in the pool's table, and what he knows of the others: who is alive.
//
// Alive is who has his lock byte: the kernel lets go of it at any death, and of a stopped process's
// never. Obtaining it is the proof of death and the right to recover at once. On a device that
// other hosts may have, that holds for members of this boot of this host; others have leases
// (lease.h) and are left alone until ReclaimBoot says that their host is gone, or their lease does
// where that was agreed on.
//
// One thread at a time. Joining costs some 10 us, and the recovery of each member who is found
// dead.
#pragma once

#include <cstdint>
#include <memory>

#include "base/status.h"
#include "pool/heartbeat.h"
#include "pool/pool_file.h"
#include "sys/record_lock.h"

namespace memtiers {

struct MemberOptions {
  uint64_t set_member = 0;  // what all entries of one PoolSet have in common
  LeaseTerms lease = {};    // on devices that other hosts may have
};

class Membership {
 public:
  // kFull: as many members as the pool has room for are alive. kBusy: members of this host use
  // another lock file. kClosed: the pool is gone or was made anew.
  static Result<std::unique_ptr<Membership>> Join(std::shared_ptr<const PoolFile> file,
                                                  const MemberOptions& options = {});

  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;
  // Leaves: what others could do for him if he were dead he does himself.
  ~Membership();

  uint32_t index() const { return index_; }
  uint64_t generation() const { return generation_; }
  const PoolFile& file() const { return *file_; }
  const PoolMemory& memory() const { return file_->memory(); }

  // Whether he still is who he was, and may change something or take a hold: somebody may have
  // declared him dead, or his lease be over. Once it is not so it never is again. One load of a
  // line of his own, and a look at the clock where he fences himself.
  bool Current() const {
    return memory().MemberStateWord(index_).load(std::memory_order_acquire) == own_word_ &&
           (beat_ == nullptr || beat_->lease.Holds());
  }
  // kClosed unless he is; the message says why.
  Status CheckCurrent() const;

  // Recovers a member if he is dead. False: he is alive, or nobody can tell, or there was nothing
  // to recover.
  bool RecoverIfDead(uint32_t member);
  // The same for all; how many there were.
  uint32_t RecoverDead();
  // Whether the entry is somebody's who is alive, or may be for all that can be told here.
  bool LivesElsewhere(uint32_t member) const;
  // Whether the member is of another host, or an earlier boot, and has been silent over his lease.
  bool Suspect(uint32_t member) const;
  // Recovers the members of another boot, of this host or another one. REQUIRES: that boot is over,
  // or cut off from the device for good. One caller at a time.
  uint32_t ReclaimBoot(uint64_t boot);
  uint64_t boot() const { return boot_; }

 private:
  Membership(std::shared_ptr<const PoolFile> file, RecordLock lock);
  bool CanTell(uint32_t member) const;
  bool LeaseIsOver(uint32_t member) const;
  bool RecoverSilent(uint32_t member);
  void Recover(uint32_t member, bool take_over);
  Status CheckLockFile(const LockIdentity& identity) const;
  bool TryTake(uint32_t member, const LockIdentity& identity, const MemberOptions& options);
  Status BeginLease(const LeaseTerms& terms);

  std::shared_ptr<const PoolFile> file_;
  RecordLock lock_;
  uint64_t boot_ = 0;
  uint32_t index_ = 0;
  uint64_t generation_ = 0;
  uint64_t own_word_ = 0;
  PoolTakeover takeover_ = PoolTakeover::kManual;
  std::shared_ptr<Beat> beat_;  // where there may be other hosts
};

}  // namespace memtiers
