#include "migrate/page_mover.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <limits>
#include <span>
#include <thread>
#include <vector>

#include "sys/errno_name.h"
#include "sys/mapping.h"
#include "sys/numa.h"
#include "sys/probe.h"

namespace memtiers {
namespace {

using std::chrono::milliseconds;

// One step of the kernel's work; it holds mmap_lock for so long.
constexpr size_t kPagesPerCall = 1024;

// No node and no errno: the kernel did not get to this page.
constexpr int kUntold = std::numeric_limits<int>::min();

// About one page in 512 is busy for a moment (isolated, being reclaimed) on every pass.
constexpr std::array kBackOff = {milliseconds(1), milliseconds(2), milliseconds(4)};

struct Outcome {
  bool retry = false;
  bool fault_in = false;
  bool stop = false;
};

Outcome Classify(int status, int node) {
  if (status == node) return {};
  switch (status) {
    case -ENOENT:  // never touched, or unmapped for an instant by NUMA balancing
    case -EFAULT:  // only read so far, which gave it the shared zero page
      return {.retry = true, .fault_in = true};
    case -EBUSY:
    case -EAGAIN:
    case kUntold:
      return {.retry = true};
    case -ENOMEM:
      return {.stop = true};
    default:
      return {};
  }
}

std::string ReasonOf(int status) {
  if (status == kUntold) return "UNTOLD";
  return status < 0 ? ErrnoName(-status) : "ELSEWHERE";
}

class ChunkMove {
 public:
  ChunkMove(std::span<std::byte*> pages, int node)
      : pages_(pages), node_(node), before_(pages.size(), kUntold), after_(pages.size(), kUntold) {}

  void Run(PageMoveResult& result) {
    // What was on the target before did not move. When the kernel will not tell, all count as
    // moved.
    (void)QueryPages(pages_, before_);
    std::vector<size_t> left(pages_.size());
    for (size_t i = 0; i < left.size(); ++i) left[i] = i;
    for (size_t round = 0;; ++round) {
      const Status called = Pass(left);
      if (!called.ok()) {
        // Refused as a whole; the statuses were not touched.
        for (const size_t page : left) after_[page] = -called.error();
        break;
      }
      if (round == kBackOff.size() || !KeepRetryable(left, result)) break;
      std::this_thread::sleep_for(kBackOff[round]);
    }
    Count(result);
  }

 private:
  Status Pass(const std::vector<size_t>& left) {
    std::vector<std::byte*> pages;
    pages.reserve(left.size());
    for (const size_t page : left) pages.push_back(pages_[page]);
    std::vector<int> status(left.size(), kUntold);
    Status called = MovePages(pages, node_, status);
    if (!called.ok()) return called;
    // Pages that follow the first one of a huge page are told -EBUSY or -EFAULT, because that one
    // was queued already (Linux 6.12), and then move with it. So where pages are now counts first.
    std::vector<int> now(left.size(), kUntold);
    (void)QueryPages(pages, now);
    // Pages of zeros that a huge page gave up when it was split are told to have moved, and are
    // gone (Linux 6.12).
    for (size_t i = 0; i < left.size(); ++i) {
      const bool known = now[i] != kUntold;
      after_[left[i]] = known && (now[i] == node_ || status[i] == node_) ? now[i] : status[i];
    }
    return {};
  }

  // Leaves in `left` what another pass can still move; false when there should be none.
  bool KeepRetryable(std::vector<size_t>& left, PageMoveResult& result) {
    std::erase_if(left, [&](size_t page) {
      const Outcome outcome = Classify(after_[page], node_);
      result.out_of_memory = result.out_of_memory || outcome.stop;
      if (outcome.fault_in) {
        // A poisoned page looks to move_pages as if it had never been touched (Linux 6.12).
        const Status populated = PopulateWrite(pages_[page], PageBytes());
        if (populated.code() != Code::kLost) return false;
        after_[page] = -populated.error();
        result.lost = true;
        return true;
      }
      return !outcome.retry;
    });
    return !result.out_of_memory && !left.empty();
  }

  void Count(PageMoveResult& result) const {
    for (size_t i = 0; i < pages_.size(); ++i) {
      if (after_[i] == node_) {
        ++result.arrived;
        if (before_[i] != node_) ++result.moved;
      } else {
        ++result.reasons[ReasonOf(after_[i])];
        result.out_of_memory = result.out_of_memory || after_[i] == -ENOMEM;
        result.lost = result.lost || after_[i] == -EHWPOISON;
      }
    }
  }

  std::span<std::byte*> pages_;
  int node_;
  std::vector<int> before_;
  std::vector<int> after_;
};

}  // namespace

PageMoveResult MovePagesToNode(std::byte* address, size_t bytes, int node) {
  PageMoveResult result;
  result.pages = bytes / PageBytes();
  // First, so that pages touched from here on are born on the target and NUMA balancing keeps off.
  const Status bound = PreferNode(address, bytes, node);
  if (!bound.ok()) {
    result.reasons[ErrnoName(bound.error())] = result.pages;
    return result;
  }
  std::vector<std::byte*> pages(result.pages);
  for (size_t i = 0; i < pages.size(); ++i) pages[i] = address + i * PageBytes();
  for (size_t first = 0; first < pages.size() && !result.out_of_memory; first += kPagesPerCall) {
    const size_t count = std::min(kPagesPerCall, pages.size() - first);
    ChunkMove(std::span(pages).subspan(first, count), node).Run(result);
  }
  return result;
}

}  // namespace memtiers
