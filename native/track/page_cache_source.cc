#include "track/page_cache_source.h"

#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "sys/cpu_clock.h"
#include "sys/errno_name.h"
#include "sys/pagemap.h"
#include "track/watched_chunks.h"

namespace memtiers {
namespace {

class PageCacheSource final : public HotnessSource {
 public:
  explicit PageCacheSource(Pagemap pagemap) : pagemap_(std::move(pagemap)) {}

  HotnessKind kind() const override { return HotnessKind::kPageCache; }

  Status Watch(std::vector<WatchedChunk> chunks) override {
    WatchedChunks watched(std::move(chunks));
    std::vector<std::optional<ChunkPages>> mapped(watched.size());
    for (size_t i = 0; i < watched.size(); ++i) {
      const std::optional<size_t> before = chunks_.Find(watched[i]);
      if (before.has_value()) mapped[i] = mapped_[*before];
    }
    chunks_ = std::move(watched);
    mapped_ = std::move(mapped);
    return {};
  }

  Result<Collection> Collect() override {
    const std::chrono::nanoseconds start = ThreadCpuTime();
    Collection collection;
    for (size_t i = 0; i < chunks_.size(); ++i) {
      Result<ChunkPages> now = pagemap_.MappedFilePages(chunks_[i].address);
      if (!now.ok()) return now.status();
      collection.scanned_bytes += kChunkBytes;
      const ChunkPages before = mapped_[i].value_or(now.value());
      mapped_[i] = now.value();
      const size_t came = (now.value() & ~before).count();
      if (came == 0) continue;
      collection.chunks.push_back(
          {.chunk = chunks_[i].chunk, .reads = static_cast<uint32_t>(came)});
    }
    collection.cost = ThreadCpuTime() - start;
    return collection;
  }

 private:
  Pagemap pagemap_;
  WatchedChunks chunks_;
  std::vector<std::optional<ChunkPages>> mapped_;  // at the last look
};

}  // namespace

HotnessProbe ProbePageCache() {
  const Status opened = Pagemap::Open().status();
  return {.kind = HotnessKind::kPageCache,
          .available = opened.ok(),
          .sees_reads = true,
          .sees_writes = true,
          .detail = opened.ok() ? "files only; first accesses to pages that came into memory"
                                : opened.what() + ": " + ErrnoName(opened.error())};
}

Result<std::unique_ptr<HotnessSource>> OpenPageCacheSource() {
  Result<Pagemap> pagemap = Pagemap::Open();
  if (!pagemap.ok()) return pagemap.status();
  return std::unique_ptr<HotnessSource>(
      std::make_unique<PageCacheSource>(std::move(pagemap.value())));
}

}  // namespace memtiers
