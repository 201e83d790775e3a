#include "track/referenced_source.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "sys/accessed_bits.h"
#include "sys/cpu_clock.h"
#include "sys/errno_name.h"
#include "sys/mapping.h"
#include "track/mapping_areas.h"
#include "track/mapping_split.h"
#include "track/watched_chunks.h"

namespace memtiers {
namespace {

constexpr uint64_t kSmallPageBytes = 4 * kKiB;

uintptr_t Address(const WatchedChunk& chunk) { return reinterpret_cast<uintptr_t>(chunk.address); }

// Pages found accessed. A huge page tells that somebody was there, not how much of it was accessed.
uint64_t AccessedPages(const MappingArea& area) {
  if (area.huge_bytes == 0) return area.referenced_bytes / kSmallPageBytes;
  const uint64_t small_bytes = area.resident_bytes - std::min(area.resident_bytes, area.huge_bytes);
  const uint64_t huge = area.referenced_bytes - std::min(area.referenced_bytes, small_bytes);
  const uint64_t small = area.referenced_bytes - huge;
  return small / kSmallPageBytes + AlignUp(huge, kChunkBytes) / kChunkBytes;
}

class ReferencedSource final : public HotnessSource {
 public:
  HotnessKind kind() const override { return HotnessKind::kReferenced; }

  Status Watch(std::vector<WatchedChunk> chunks) override {
    WatchedChunks watched(std::move(chunks));
    std::vector<bool> cleared(watched.size(), false);
    for (size_t i = 0; i < watched.size(); ++i) {
      const std::optional<size_t> before = chunks_.Find(watched[i]);
      cleared[i] = before.has_value() && cleared_[*before];
    }
    chunks_ = std::move(watched);
    cleared_ = std::move(cleared);
    changed_ = true;
    return {};
  }

  Result<Collection> Collect() override {
    const std::chrono::nanoseconds start = ThreadCpuTime();
    Collection collection;
    if (changed_) {
      split_.Apply(chunks_);
      new_pages_ = true;
      changed_ = false;
    }
    if (chunks_.empty()) return collection;
    Result<std::vector<MappingArea>> areas =
        ReadMappingAreas(MappingText::kSmaps, Address(chunks_[0]),
                         Address(chunks_[chunks_.size() - 1]) + kChunkBytes);
    if (!areas.ok()) return areas.status();
    bool dax = false;
    for (const MappingArea& area : areas.value()) dax |= Count(area, collection);
    if (std::exchange(new_pages_, false)) SettleNewPages();
    Status cleared = ClearAll(dax);
    if (!cleared.ok()) return cleared;
    collection.cost = ThreadCpuTime() - start;
    return collection;
  }

 private:
  // Adds what an area tells of the chunks in it; whether these are DAX.
  bool Count(const MappingArea& area, Collection& collection) {
    const uint64_t pages = AccessedPages(area);
    const uint64_t chunks = AlignUp(area.end - area.begin, kChunkBytes) / kChunkBytes;
    // A share is never nothing where there was something.
    const auto share = static_cast<uint32_t>((pages + chunks - 1) / chunks);
    bool watched = false;
    for (size_t i = chunks_.FirstAbove(area.begin);
         i < chunks_.size() && Address(chunks_[i]) < area.end; ++i) {
      watched = true;
      // A move replaced the mapping, and the kernel merged it with its neighbours.
      if (chunks > split_.group_chunks()) {
        split_.Renew(i);
        new_pages_ = true;
      }
      if (!cleared_[i]) continue;
      collection.scanned_bytes += kChunkBytes;
      if (share == 0) continue;
      // A chunk in several areas, as one with lost pages is, comes several times in a row.
      std::vector<ChunkAccesses>& found = collection.chunks;
      if (found.empty() || found.back().chunk != chunks_[i].chunk) {
        found.push_back({.chunk = chunks_[i].chunk});
      }
      found.back().reads += share;
    }
    return watched && area.file && area.huge_advice;
  }

  // A chunk whose bits cannot be cleared would look hot for ever: it is left out of the next count.
  Status ClearAll(bool dax) {
    Status refused;
    bool any = false;
    for (const auto& [begin, end] : chunks_.Stretches()) {
      const bool at_once =
          ClearAccessedBits(chunks_[begin].address, (end - begin) * kChunkBytes).ok();
      for (size_t i = begin; i < end; ++i) {
        Status cleared = at_once ? Status() : ClearAccessedBits(chunks_[i].address, kChunkBytes);
        cleared_[i] = cleared.ok();
        any |= cleared.ok();
        if (!cleared.ok()) refused = std::move(cleared);
      }
    }
    if (dax) {
      Status files = ClearAccessedBitsOfFiles();
      if (!files.ok()) return files;
    }
    return any ? Status() : refused;
  }

  WatchedChunks chunks_;
  std::vector<bool> cleared_;
  bool changed_ = false;
  bool new_pages_ = false;  // there may be pages whose bits cannot be cleared yet
  MappingSplit split_;
};

// Tries what the source does on a page of its own.
Status TryOut() {
  const Result<std::byte*> page = ReserveAddressSpace(kSmallPageBytes, kSmallPageBytes);
  if (!page.ok()) return page.status();
  const auto address = reinterpret_cast<uintptr_t>(page.value());
  Status tried = MapAnonymous(page.value(), kSmallPageBytes);
  if (tried.ok()) tried = PopulateWrite(page.value(), kSmallPageBytes);
  if (tried.ok()) {
    const Result<std::vector<MappingArea>> areas =
        ReadMappingAreas(MappingText::kSmaps, address, address + kSmallPageBytes);
    tried = areas.status();
    if (areas.ok() && (areas.value().empty() || areas.value().front().referenced_bytes == 0)) {
      tried = Status(Code::kUnavailable, "/proc/self/smaps counts no accessed pages");
    }
  }
  if (tried.ok()) tried = ClearAccessedBits(page.value(), kSmallPageBytes);
  ReleaseAddressSpace(page.value(), kSmallPageBytes);
  return tried;
}

std::string Describe(const Status& status) {
  if (status.error() == 0) return status.what();
  return std::string(status.syscall()) + " (" + status.what() + "): " + ErrnoName(status.error());
}

}  // namespace

HotnessProbe ProbeReferenced() {
  const Status tried = TryOut();
  return {.kind = HotnessKind::kReferenced,
          .available = tried.ok(),
          .sees_reads = true,
          .sees_writes = true,
          .detail = tried.ok() ? "cannot tell writes from reads" : Describe(tried)};
}

Result<std::unique_ptr<HotnessSource>> OpenReferencedSource() {
  Status tried = TryOut();
  if (!tried.ok()) {
    return Status::FromErrno(Code::kUnavailable, tried.error(), tried.syscall(), tried.what());
  }
  return std::unique_ptr<HotnessSource>(std::make_unique<ReferencedSource>());
}

}  // namespace memtiers
