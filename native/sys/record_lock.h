// Locks on single bytes of a file that the kernel lets go of when their holder dies, however it
// does: who gets the lock of somebody else's byte knows that he is gone.
//
// Open file description locks (fcntl(2), F_OFD_SETLK): they belong to the descriptor, not to the
// process, so two descriptors of one process exclude each other. A copy of the descriptor keeps
// them, which is why it is closed on exec and in a child of fork.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace memtiers {

// Which file a lock is taken on, and in which run of which kernel: locks on different files exclude
// nobody.
struct LockIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t boot = 0;  // from the kernel's random boot id

  bool operator==(const LockIdentity&) const = default;
};

// The same number for all processes of this run of this kernel.
uint64_t ThisBoot();

// For tests: from now on this process and its children are of that boot. 0: of the real one.
void PretendBoot(uint64_t boot);

class RecordLock {
 public:
  // Opens an existing file for locks of its own; no byte is locked yet.
  static Result<RecordLock> Open(const std::string& path);
  // The same for whatever a descriptor names, also a file that has no name.
  static Result<RecordLock> Open(int fd);

  RecordLock() = default;
  RecordLock(RecordLock&& other) noexcept;
  RecordLock& operator=(RecordLock&& other) noexcept;
  RecordLock(const RecordLock&) = delete;
  RecordLock& operator=(const RecordLock&) = delete;
  ~RecordLock();

  // Locks a byte without waiting; it need not exist in the file. kBusy: another descriptor has it.
  // Locking one's own byte again succeeds.
  Status TryLock(uint64_t byte);
  void Unlock(uint64_t byte);
  // Whether another descriptor has the byte. False as well where the kernel cannot tell.
  bool HeldByAnother(uint64_t byte) const;

  // Whether this process opened it: in a child of fork it is closed, and the locks are the
  // parent's.
  bool Ours() const;

  Result<LockIdentity> Identity() const;
  // The process that opened it.
  int process() const { return process_; }

 private:
  explicit RecordLock(int fd);
  void Close();

  int fd_ = -1;
  int process_ = 0;
};

}  // namespace memtiers
