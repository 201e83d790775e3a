#include "track/write_protect_source.h"

#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "sys/cpu_clock.h"
#include "sys/errno_name.h"
#include "sys/pagemap.h"
#include "sys/userfaultfd.h"
#include "track/mapping_charge.h"
#include "track/watched_chunks.h"
#include "track/write_recording.h"

namespace memtiers {
namespace {

class WriteProtectSource final : public HotnessSource {
 public:
  explicit WriteProtectSource(Pagemap pagemap) : pagemap_(std::move(pagemap)) {}
  ~WriteProtectSource() override {
    for (size_t i = 0; i < chunks_.size(); ++i) Stop(i);
  }

  HotnessKind kind() const override { return HotnessKind::kWriteProtect; }

  Status Watch(std::vector<WatchedChunk> chunks) override {
    WatchedChunks watched(std::move(chunks));
    // A registered range ends where its neighbour does not take part: two borders a stretch.
    if (!charge_.Set(2 * watched.Stretches().size())) {
      return {Code::kFull,
              "the chunks lie too scattered for this process' share of mappings; raise "
              "vm.max_map_count"};
    }
    std::vector<bool> recorded(watched.size(), false);
    for (size_t i = 0; i < chunks_.size(); ++i) {
      const std::optional<size_t> after = watched.Find(chunks_[i]);
      if (after.has_value()) {
        recorded[*after] = recorded_[i];
      } else {
        Stop(i);
      }
    }
    chunks_ = std::move(watched);
    recorded_ = std::move(recorded);
    return {};
  }

  Result<Collection> Collect() override {
    const std::chrono::nanoseconds start = ThreadCpuTime();
    Collection collection;
    Status refused;
    for (size_t i = 0; i < chunks_.size(); ++i) {
      Result<uint64_t> written = Look(i);
      if (written.ok()) {
        collection.scanned_bytes += kChunkBytes;
        if (written.value() == 0) continue;
        collection.chunks.push_back(
            {.chunk = chunks_[i].chunk, .writes = static_cast<uint32_t>(written.value())});
      } else if (written.status().code() != Code::kBusy) {
        refused = written.status();
      }
    }
    // Single chunks may be out of reach; a source that reaches none does not work.
    if (collection.scanned_bytes == 0 && !refused.ok()) return refused;
    collection.cost = ThreadCpuTime() - start;
    return collection;
  }

 private:
  // Pages written, or none of a chunk whose recording begins only now.
  Result<uint64_t> Look(size_t index) {
    std::byte* const address = chunks_[index].address;
    if (recorded_[index]) {
      Result<uint64_t> written = pagemap_.TakeWrittenPages(address, kChunkBytes);
      if (written.ok()) return written;
      recorded_[index] = false;
    }
    Status started = StartRecordingWrites(address, kChunkBytes);
    if (!started.ok()) return started;
    recorded_[index] = true;
    return uint64_t{0};
  }

  void Stop(size_t index) {
    if (recorded_[index]) StopRecordingWrites(chunks_[index].address, kChunkBytes);
  }

  Pagemap pagemap_;
  WatchedChunks chunks_;
  std::vector<bool> recorded_;
  MappingCharge charge_;
};

// Empty when writes can be recorded here.
std::string Obstacle() {
  const UserfaultfdProbe probe = ProbeUserfaultfd();
  if (probe.error == EPERM || probe.error == EACCES) {
    return "userfaultfd: " + ErrnoName(probe.error) +
           "; needs CAP_SYS_PTRACE, vm.unprivileged_userfaultfd=1 or access to /dev/userfaultfd";
  }
  if (probe.error != 0) return "userfaultfd: " + ErrnoName(probe.error);
  if (!probe.records_writes) return "this kernel records no writes; needs Linux 6.7";
  const Result<Pagemap> pagemap = Pagemap::Open();
  const Status status = pagemap.ok() ? pagemap.value().CheckWrittenPages() : pagemap.status();
  if (!status.ok()) return status.what() + ": " + ErrnoName(status.error());
  return "";
}

}  // namespace

HotnessProbe ProbeWriteProtect() {
  std::string obstacle = Obstacle();
  const bool available = obstacle.empty();
  return {
      .kind = HotnessKind::kWriteProtect,
      .available = available,
      .sees_reads = false,
      .sees_writes = true,
      .detail = available ? "takes huge pages apart where they are written" : std::move(obstacle)};
}

Result<std::unique_ptr<HotnessSource>> OpenWriteProtectSource() {
  std::string obstacle = Obstacle();
  if (!obstacle.empty()) return Status(Code::kUnavailable, std::move(obstacle));
  Result<Pagemap> pagemap = Pagemap::Open();
  if (!pagemap.ok()) return pagemap.status();
  return std::unique_ptr<HotnessSource>(
      std::make_unique<WriteProtectSource>(std::move(pagemap.value())));
}

}  // namespace memtiers
