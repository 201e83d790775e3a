// The thread that renews the leases of a process's members and looks at those of others.
//
// One thread a process, there while anybody has a lease. It works some microseconds three times a
// lease, and stores in one line of each of its members' entries. Not inherited by fork.
#pragma once

#include <memory>

#include "base/status.h"
#include "pool/lease.h"

namespace memtiers {

// What is done for one member.
struct Beat {
  // REQUIRES: the caller is that member.
  Beat(const std::shared_ptr<const PoolFile>& file, uint32_t member, const LeaseTerms& terms)
      : lease(file, member, terms), others(file) {}

  Lease lease;
  LeaseWatch others;
};

// From now on, until StopBeating or until it is too late. kFull: no thread to be had.
Status StartBeating(const std::shared_ptr<Beat>& beat);
// It is not done any more after the return.
void StopBeating(const std::shared_ptr<Beat>& beat);

}  // namespace memtiers
