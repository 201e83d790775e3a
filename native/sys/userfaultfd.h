// A full userfaultfd: holds back accesses of every thread, and of the kernel on a thread's behalf,
// to the pages of registered ranges, or records that pages were written.
//
// Thread-safe as the system calls are. "Full" matters: one limited to user mode turns a system call
// that meets a held-back page into EFAULT. Wherever a call moves or unmaps a registered range, an
// event is due, and the call returns only when somebody has read it (userfaultfd(2), NOTES of
// UFFD_EVENT_REMAP): whoever moves registered ranges needs a thread in ReadFaults.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/status.h"
#include "sys/unique_fd.h"

namespace memtiers {

enum class UserfaultfdDoor { kSyscall, kDevice };

// What this kernel and container let a process have.
struct UserfaultfdProbe {
  int error = 0;  // errno of the refusal; 0: a full one can be had, that can write-protect
  UserfaultfdDoor door = UserfaultfdDoor::kSyscall;
  bool records_writes = false;  // Mode::kRecordWrites (Linux 6.7)
};
UserfaultfdProbe ProbeUserfaultfd();

// A thread that waits for a page.
struct Fault {
  std::byte* page = nullptr;
  bool write_protected = false;  // the page is there, and protected; otherwise it is missing
};

class Userfaultfd {
 public:
  enum class Mode {
    kHoldBack,     // accesses wait until they are woken
    kRecordWrites  // writes lift the protection of their page and go on
  };
  // What accesses to a registered range wait for, or what is recorded.
  struct Accesses {
    bool missing = false;
    bool write_protected = false;
  };

  // kNoPermission, kUnavailable: refused, or this kernel has no such mode.
  static Result<Userfaultfd> Open(Mode mode);

  // kBusy with EBUSY: another userfaultfd has the range. All calls that name a range want whole
  // pages, and can be kBusy with EAGAIN while a mapping of this process is being moved.
  Status Register(std::byte* address, size_t bytes, Accesses accesses) const;
  // Ends the registration and lifts all protection; wakes who waits.
  Status Unregister(std::byte* address, size_t bytes) const;
  // Protects pages against writes, also those never touched. When it returns, no store can land.
  Status Protect(std::byte* address, size_t bytes) const;
  // Lifts the protection and wakes who waits.
  Status Unprotect(std::byte* address, size_t bytes) const;
  // Lets who waits in a range try again, whatever is mapped there now.
  Status Wake(std::byte* address, size_t bytes) const;

  // Waits for threads that meet held-back pages, and acknowledges everything else. Returns how many
  // faults it found; none when the time is over. A negative timeout has no end.
  size_t ReadFaults(std::span<Fault> faults, int timeout_ms) const;

  // Whether Protect reaches pages that were never touched; otherwise they have to be populated for
  // reading between Register and Protect (before Linux 6.4).
  bool protects_untouched() const { return protects_untouched_; }

 private:
  Userfaultfd(UniqueFd fd, bool protects_untouched)
      : fd_(std::move(fd)), protects_untouched_(protects_untouched) {}

  UniqueFd fd_;
  bool protects_untouched_;
};

}  // namespace memtiers
