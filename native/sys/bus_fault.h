// Keeps the process alive when the memory behind a guarded range is lost (SIGBUS): a poisoned page,
// a device that went away, a file that became shorter. The lost pages are replaced by zero-filled
// anonymous memory and recorded; whoever touched them goes on and sees zeroes.
//
// Thread-safe: faults on any thread, any number at once, while ranges come and go. One handler a
// process, installed with the first guard and never removed: somebody may have chained to it. It
// passes everything that is not about a guarded range to the handler that was there before, and
// ends the process as the kernel would where there was none. A program that installs a SIGBUS
// handler of its own later decides what becomes of our faults: it has to call the previous one.
//
// How much is lost: what the kernel says for poison (4 KiB, or 2 MiB of a DAX device); otherwise
// the page touched, because the rest may still be readable, or the chunk from there on once
// many pages of it were lost one by one. Where the kernel cannot split the mapping, as on a DAX
// device, the whole chunk. Never more than a chunk: the next one faults for itself.
//
// A poison report for memory that nobody is touching (BUS_MCEERR_AO) is recorded and nothing is
// mapped: the kernel has taken the page out, and a later touch is a fault of its own.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/status.h"
#include "sys/damage_record.h"

namespace memtiers {

struct GuardedRange;

// Grows whenever bytes of a guarded range are lost.
using DamageCounter = std::atomic<uint32_t>;

class BusFaultGuard {
 public:
  // Guards a range until the guard is destroyed. REQUIRES: whole chunks, chunk aligned; no other
  // guard covers them; the caller maps and unmaps there, but nothing is unmapped while others
  // access it.
  static Result<std::unique_ptr<BusFaultGuard>> Guard(std::byte* base, size_t bytes,
                                                      std::shared_ptr<DamageCounter> counter);

  BusFaultGuard(const BusFaultGuard&) = delete;
  BusFaultGuard& operator=(const BusFaultGuard&) = delete;
  // Waits for handlers on other threads that are looking at the range.
  ~BusFaultGuard();

  // By offset into the range.
  const DamageRecord& record() const { return record_; }
  DamageRecord& record() { return record_; }

 private:
  BusFaultGuard(DamageRecord record, std::shared_ptr<DamageCounter> counter);

  DamageRecord record_;
  std::shared_ptr<DamageCounter> counter_;
  GuardedRange* range_ = nullptr;
};

}  // namespace memtiers
