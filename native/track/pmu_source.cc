#include "track/pmu_source.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "sys/cpu_clock.h"
#include "sys/errno_name.h"
#include "sys/perf_event.h"
#include "track/access_tally.h"
#include "track/pmu_events.h"
#include "track/watched_chunks.h"

namespace memtiers {
namespace {

class PmuSource final : public HotnessSource {
 public:
  explicit PmuSource(std::vector<PerfEvent> events) : events_(std::move(events)) {}

  HotnessKind kind() const override { return HotnessKind::kPmu; }

  // Starts sampling the threads there are. kNoPermission, kUnavailable: not even the caller's.
  Status Start() { return FollowThreads(); }

  Status Watch(std::vector<WatchedChunk> chunks) override {
    chunks_ = WatchedChunks(std::move(chunks));
    return {};
  }

  Result<Collection> Collect() override {
    const std::chrono::nanoseconds start = ThreadCpuTime();
    AccessTally tally(chunks_);
    for (auto& [thread, sampler] : samplers_) {
      const RingRead read =
          sampler.Take([&tally](const AccessSample& sample) { tally.Add(sample); });
      tally.AddLost(read.lost);
    }
    Status followed = FollowThreads();
    if (!followed.ok()) return followed;
    Collection collection{.chunks = tally.Found()};
    collection.scanned_bytes = chunks_.size() * kChunkBytes;
    collection.cost = ThreadCpuTime() - start;
    return collection;
  }

 private:
  // A thread can end at any moment, so that only all of them failing is a failure.
  Status FollowThreads() {
    const Result<std::vector<int>> threads = ListThreads();
    if (!threads.ok()) return threads.status();
    std::erase_if(samplers_, [&threads](const auto& entry) {
      return std::ranges::find(threads.value(), entry.first) == threads.value().end();
    });
    Status refused;
    for (const int thread : threads.value()) {
      if (samplers_.contains(thread)) continue;
      Result<ThreadSampler> sampler = ThreadSampler::Open(events_, thread);
      if (sampler.ok()) {
        samplers_.emplace(thread, std::move(sampler.value()));
      } else {
        refused = sampler.status();
      }
    }
    return samplers_.empty() ? refused : Status();
  }

  std::vector<PerfEvent> events_;
  std::map<int, ThreadSampler> samplers_;
  WatchedChunks chunks_;
};

Status TryOut(const std::string& root) {
  Result<std::vector<PerfEvent>> events = FindAccessEvents(root);
  if (!events.ok()) return events.status();
  return ThreadSampler::Open(events.value(), CurrentThread()).status();
}

std::string Describe(const Status& status) {
  if (status.error() == 0) return status.what();
  std::string text =
      std::string(status.syscall()) + " (" + status.what() + "): " + ErrnoName(status.error());
  if (status.code() == Code::kNoPermission) {
    text += "; needs kernel.perf_event_paranoid of 2 or less, or CAP_PERFMON";
  }
  return text;
}

}  // namespace

HotnessProbe ProbePmu(const std::string& root) {
  const Status tried = TryOut(root);
  return {.kind = HotnessKind::kPmu,
          .available = tried.ok(),
          .sees_reads = true,
          .sees_writes = true,
          .detail = tried.ok() ? "samples; not what the kernel copies" : Describe(tried)};
}

Result<std::unique_ptr<HotnessSource>> OpenPmuSource(const std::string& root) {
  Result<std::vector<PerfEvent>> events = FindAccessEvents(root);
  if (!events.ok()) return events.status();
  auto source = std::make_unique<PmuSource>(std::move(events.value()));
  Status started = source->Start();
  if (!started.ok()) return started;
  return std::unique_ptr<HotnessSource>(std::move(source));
}

}  // namespace memtiers
