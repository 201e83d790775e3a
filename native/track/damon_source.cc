#include "track/damon_source.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "sys/cpu_clock.h"
#include "sys/probe.h"
#include "track/damon_admin.h"

namespace memtiers {

namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

constexpr size_t kPagesPerChunk = kChunkBytes / (4 * kKiB);
// One look at a region costs the kdamond about half a microsecond; a hundred times that, for each
// region, is 1 % of a core.
constexpr microseconds kSampleForEachRegion{50};
constexpr microseconds kShortestSample{5000};
// What Stop waits for, and it may be called on the main thread.
constexpr microseconds kLongestSample{100'000};

DamonPace PaceFor(size_t chunks) {
  const microseconds wanted = kSampleForEachRegion * chunks;
  return {.sample = std::clamp(wanted, kShortestSample, kLongestSample)};
}

uint64_t AddressOf(const WatchedChunk& chunk) { return reinterpret_cast<uintptr_t>(chunk.address); }

class DamonSource final : public HotnessSource {
 public:
  explicit DamonSource(std::unique_ptr<DamonAdmin> admin) : admin_(std::move(admin)) {}

  HotnessKind kind() const override { return HotnessKind::kDamon; }

  // The kernel lets a change of the ranges wait for the end of a window, so that is left to
  // Collect.
  Status Watch(std::vector<WatchedChunk> chunks) override {
    std::ranges::sort(chunks, {}, AddressOf);
    const std::lock_guard lock(mutex_);
    next_ = std::move(chunks);
    return {};
  }

  Result<Collection> Collect() override {
    const nanoseconds start = ThreadCpuTime();
    Collection collection;
    if (admin_->running()) {
      const Result<std::vector<DamonRegion>> regions = admin_->Regions();
      if (!regions.ok()) return regions.status();
      collection.chunks = AccessesIn(regions.value());
      collection.scanned_bytes = chunks_.size() * kChunkBytes;
    }
    collection.cost = NewKernelTime();
    Status status = FollowWatch();
    if (!status.ok()) return status;
    collection.cost += ThreadCpuTime() - start;
    return collection;
  }

 private:
  // Each chunk's pages that were found accessed, were all looked at as the sampled ones.
  std::vector<ChunkAccesses> AccessesIn(const std::vector<DamonRegion>& regions) const {
    std::vector<double> pages(chunks_.size());
    for (const auto& [range, accesses] : regions) {
      const double share = std::min(1.0, static_cast<double>(accesses) / pace_.samples_per_window);
      const uint64_t first = range.start / kChunkBytes * kChunkBytes;
      auto at = std::ranges::lower_bound(chunks_, first, {}, AddressOf);
      for (; at != chunks_.end() && AddressOf(*at) < range.end; ++at) {
        const uint64_t from = std::max(range.start, AddressOf(*at));
        const uint64_t to = std::min(range.end, AddressOf(*at) + kChunkBytes);
        pages[at - chunks_.begin()] +=
            share * kPagesPerChunk * static_cast<double>(to - from) / kChunkBytes;
      }
    }
    std::vector<ChunkAccesses> found;
    for (size_t i = 0; i < pages.size(); ++i) {
      if (pages[i] == 0) continue;
      found.push_back(
          {.chunk = chunks_[i].chunk, .reads = static_cast<uint32_t>(std::ceil(pages[i]))});
    }
    return found;
  }

  // Has the kernel watch what Watch said last, also after a failure.
  Status FollowWatch() {
    {
      const std::lock_guard lock(mutex_);
      if (next_) {
        chunks_ = std::move(*next_);
        next_.reset();
      } else if (admin_->running() || chunks_.empty()) {
        return {};
      }
    }
    if (chunks_.empty()) {
      admin_->Stop();
      return {};
    }
    const bool fresh = !admin_->running();
    pace_ = PaceFor(chunks_.size());
    std::vector<DamonRange> ranges;
    ranges.reserve(chunks_.size());
    // The last page is left out: the kernel merges regions that touch, and each is to be a chunk.
    for (const WatchedChunk& chunk : chunks_) {
      ranges.push_back(
          {.start = AddressOf(chunk), .end = AddressOf(chunk) + kChunkBytes - PageBytes()});
    }
    Status status = admin_->Watch(ranges, pace_);
    if (!status.ok()) {
      admin_->Stop();
    } else if (fresh) {
      kernel_time_ = {};
    }
    return status;
  }

  nanoseconds NewKernelTime() {
    if (!admin_->running()) return {};
    const nanoseconds now = admin_->CpuTime();
    return std::max(nanoseconds{}, now - std::exchange(kernel_time_, now));
  }

  std::unique_ptr<DamonAdmin> admin_;
  std::vector<WatchedChunk> chunks_;  // what the kdamond watches, by address
  DamonPace pace_;
  nanoseconds kernel_time_{};
  std::mutex mutex_;
  std::optional<std::vector<WatchedChunk>> next_;  // guarded by mutex_
};

}  // namespace

HotnessProbe ProbeDamon(const std::string& root) {
  HotnessProbe probe;
  probe.kind = HotnessKind::kDamon;
  probe.sees_reads = true;
  probe.sees_writes = true;
  const Result<std::unique_ptr<DamonAdmin>> admin = DamonAdmin::Claim(root);
  probe.available = admin.ok();
  if (admin.ok()) {
    probe.detail = "cannot tell writes from reads; one user a machine";
  } else if (admin.status().code() == Code::kNoPermission) {
    probe.detail = "only root may use DAMON: " + admin.status().what();
  } else {
    probe.detail = admin.status().what();
  }
  return probe;
}

Result<std::unique_ptr<HotnessSource>> OpenDamonSource(const std::string& root) {
  Result<std::unique_ptr<DamonAdmin>> admin = DamonAdmin::Claim(root);
  if (!admin.ok()) return admin.status();
  return std::unique_ptr<HotnessSource>(new DamonSource(std::move(admin.value())));
}

}  // namespace memtiers
