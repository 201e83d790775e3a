#include "sys/bus_fault.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <utility>

#include "base/bytes.h"
#include "sys/library.h"
#include "sys/probe.h"

// Absent from the headers of glibc before 2.35; the value is kernel ABI.
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

namespace memtiers {

// An entry of the registry. Entries are never freed but used again, so that a handler can walk the
// list without a lock.
struct GuardedRange {
  std::atomic<std::byte*> base = nullptr;  // nullptr: guards nothing now
  // Written before `base` is, and only while nobody visits.
  size_t bytes = 0;
  DamageRecord* record = nullptr;
  DamageCounter* counter = nullptr;

  std::atomic<uint32_t> visitors = 0;
  std::atomic<bool> taken = true;
  std::atomic_flag replacing = ATOMIC_FLAG_INIT;
  GuardedRange* next = nullptr;
};

namespace {

// Past so many bytes of a chunk lost page by page, the rest of it goes at once: each page can cost
// two mappings, of which the process has few.
constexpr size_t kPiecemealBytes = 64 * DamageRecord::kGranuleBytes;

std::atomic<GuardedRange*> ranges = nullptr;
std::atomic<const struct sigaction*> previous_action = nullptr;
size_t page_bytes = 0;  // set before the handler is installed

struct Extent {
  size_t offset = 0;
  size_t bytes = 0;
};

Extent ChunkAt(size_t offset) {
  return {.offset = offset / kChunkBytes * kChunkBytes, .bytes = kChunkBytes};
}

DamageCause CauseOf(const siginfo_t& info) {
  const bool poison = info.si_code == BUS_MCEERR_AR || info.si_code == BUS_MCEERR_AO;
  return poison ? DamageCause::kPoison : DamageCause::kLost;
}

// si_addr_lsb is the least significant bit of the address that means something: sigaction(2).
Extent PoisonedAt(size_t offset, const siginfo_t& info) {
  constexpr int kLargestShift = 21;
  const size_t bytes = size_t{1} << std::clamp<int>(info.si_addr_lsb, 0, kLargestShift);
  const size_t extent = std::max(bytes, page_bytes);
  return {.offset = offset & ~(extent - 1), .bytes = extent};
}

Extent LostAt(size_t offset, const DamageRecord& record) {
  const size_t page = offset & ~(page_bytes - 1);
  const bool piecemeal = record.BytesInChunk(offset) < kPiecemealBytes;
  return {.offset = page, .bytes = piecemeal ? page_bytes : kChunkBytes - page % kChunkBytes};
}

// Past the C library, whose call a sanitizer may have replaced with one unfit for a handler.
bool MapZeroes(std::byte* address, size_t bytes) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  return syscall(SYS_mmap, address, bytes, PROT_READ | PROT_WRITE, kFlags, -1, 0) != -1;
}

// False as well where the kernel cannot tell (before Linux 5.14).
bool Readable(std::byte* page) {
  return syscall(SYS_madvise, page, page_bytes, MADV_POPULATE_READ) == 0;
}

// Recorded before it can be read as zeroes.
bool ReplaceExtent(GuardedRange& range, std::byte* base, const Extent& extent, DamageCause cause) {
  range.record->Mark(extent.offset, extent.bytes, cause);
  range.counter->fetch_add(1, std::memory_order_release);
  return MapZeroes(base + extent.offset, extent.bytes);
}

// Leaves out pages that were replaced before, the touched one excepted: what was written there
// since is not to be wiped out.
bool ReplacePages(GuardedRange& range, std::byte* base, const Extent& extent, size_t touched,
                  DamageCause cause) {
  const size_t end = extent.offset + extent.bytes;
  for (size_t at = extent.offset; at < end; at += page_bytes) {
    size_t next = at;
    while (next < end && (next == touched || !range.record->Any(next, page_bytes))) {
      next += page_bytes;
    }
    if (next == at) continue;
    if (!ReplaceExtent(range, base, {.offset = at, .bytes = next - at}, cause)) return false;
    at = next - page_bytes;
  }
  return true;
}

// Whether the fault was dealt with. REQUIRES: no other call for this range at the same time.
bool Replace(GuardedRange& range, std::byte* base, size_t offset, const siginfo_t& info) {
  const DamageRecord& record = *range.record;
  const DamageCause cause = CauseOf(info);
  const Extent extent =
      cause == DamageCause::kPoison ? PoisonedAt(offset, info) : LostAt(offset, record);
  if (info.si_code == BUS_MCEERR_AO) {
    range.record->Mark(extent.offset, extent.bytes, cause);
    range.counter->fetch_add(1, std::memory_order_release);
    return true;
  }
  // Threads that touch a page together all fault, and one has replaced it for all.
  const size_t page = offset & ~(page_bytes - 1);
  if (record.Any(page, page_bytes) && Readable(base + page)) return true;
  // A mapping of a DAX device is only split at the device's alignment (Linux: dev_dax_may_split).
  return ReplacePages(range, base, extent, page, cause) ||
         ReplaceExtent(range, base, ChunkAt(offset), cause);
}

bool ContainIn(GuardedRange& range, std::byte* address, const siginfo_t& info) {
  std::byte* const base = range.base.load();
  if (base == nullptr || address < base || address >= base + range.bytes) return false;
  while (range.replacing.test_and_set(std::memory_order_acquire)) sched_yield();
  const bool contained = Replace(range, base, static_cast<size_t>(address - base), info);
  range.replacing.clear(std::memory_order_release);
  return contained;
}

bool Contain(const siginfo_t& info) {
  // Codes of 0 and below are sent by programs, and BUS_ADRALN is a program's fault.
  const bool about_memory = info.si_code == BUS_ADRERR || info.si_code == BUS_OBJERR ||
                            info.si_code == BUS_MCEERR_AR || info.si_code == BUS_MCEERR_AO;
  if (!about_memory) return false;
  auto* const address = static_cast<std::byte*>(info.si_addr);
  GuardedRange* range = ranges.load(std::memory_order_acquire);
  for (; range != nullptr; range = range->next) {
    // So that whoever waits for the visitors waits for those already there only.
    if (range->base.load() == nullptr) continue;
    // Sequentially consistent, as the destructor's: either it sees the visitor, or the visitor
    // sees that there is nothing to visit.
    range->visitors.fetch_add(1);
    const bool contained = ContainIn(*range, address, info);
    range->visitors.fetch_sub(1);
    if (contained) return true;
  }
  return false;
}

void HandOn(int signal, siginfo_t* info, void* context) {
  const struct sigaction& previous = *previous_action.load(std::memory_order_acquire);
  const bool ignored = previous.sa_handler == SIG_IGN;
  if (previous.sa_handler != SIG_DFL && !ignored) {
    if ((previous.sa_flags & SA_SIGINFO) != 0) {
      previous.sa_sigaction(signal, info, context);
    } else {
      previous.sa_handler(signal);
    }
    return;
  }
  // Only what is not an access in progress can be ignored.
  if (ignored && (info->si_code <= 0 || info->si_code == BUS_MCEERR_AO)) return;
  struct sigaction fatal{};
  fatal.sa_handler = SIG_DFL;
  sigaction(SIGBUS, &fatal, nullptr);
  // With the same address and code, for whoever reads the core. Blocked until the handler returns,
  // so the process ends at the instruction that faulted. A thread may send itself any code.
  syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), signal, info);
}

void OnBusError(int signal, siginfo_t* info, void* context) {
  const int error = errno;
  const bool contained = Contain(*info);
  errno = error;
  if (!contained) HandOn(signal, info, context);
}

void InstallHandler() {
  page_bytes = PageBytes();
  // An addon that only worker threads loaded is unloaded with the last of them. (One built by GCC
  // stays by accident, for its unique symbols.)
  PinLibraryOf(reinterpret_cast<const void*>(&OnBusError));
  static struct sigaction previous;
  sigaction(SIGBUS, nullptr, &previous);
  previous_action.store(&previous, std::memory_order_release);
  struct sigaction action{};
  action.sa_sigaction = OnBusError;
  // Threads without an alternate stack get the signal on their own.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  sigaction(SIGBUS, &action, nullptr);
}

// An entry nobody uses, or a new one.
GuardedRange* TakeEntry() {
  GuardedRange* head = ranges.load(std::memory_order_acquire);
  for (GuardedRange* entry = head; entry != nullptr; entry = entry->next) {
    bool taken = false;
    if (entry->taken.compare_exchange_strong(taken, true)) return entry;
  }
  auto* const entry = new GuardedRange;
  entry->next = head;
  while (!ranges.compare_exchange_weak(entry->next, entry)) {
  }
  return entry;
}

}  // namespace

BusFaultGuard::BusFaultGuard(DamageRecord record, std::shared_ptr<DamageCounter> counter)
    : record_(std::move(record)), counter_(std::move(counter)) {}

Result<std::unique_ptr<BusFaultGuard>> BusFaultGuard::Guard(
    std::byte* base, size_t bytes, std::shared_ptr<DamageCounter> counter) {
  static std::once_flag installed;
  std::call_once(installed, InstallHandler);
  Result<DamageRecord> record = DamageRecord::Make(bytes);
  if (!record.ok()) return record.status();
  std::unique_ptr<BusFaultGuard> guard(
      new BusFaultGuard(std::move(record.value()), std::move(counter)));
  GuardedRange* const range = TakeEntry();
  range->bytes = bytes;
  range->record = &guard->record_;
  range->counter = guard->counter_.get();
  range->base.store(base);
  guard->range_ = range;
  return guard;
}

BusFaultGuard::~BusFaultGuard() {
  if (range_ == nullptr) return;  // it was never registered
  range_->base.store(nullptr);
  while (range_->visitors.load() != 0) sched_yield();
  range_->taken.store(false);
}

}  // namespace memtiers
