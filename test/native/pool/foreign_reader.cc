#include "foreign_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace memtiers {
namespace {

constexpr std::align_val_t kPage{4096};

ForeignReader* reading = nullptr;

uint64_t SeedOf(const PoolFile& file) {
  uint64_t seed = 0;
  std::memcpy(&seed, file.superblock().set_uuid.data(), sizeof seed);
  return seed;
}

}  // namespace

ForeignReader::ForeignReader(const PoolFile& file, const LineReplay& replay, bool refreshes,
                             std::function<void()> go_on, std::mt19937_64& random)
    : replay_(&replay),
      refreshes_(refreshes),
      go_on_(std::move(go_on)),
      random_(&random),
      cached_(static_cast<std::byte*>(operator new(replay.device().size(), kPage))),
      bytes_(replay.device().size()),
      memory_(cached_.get(), file.layout(), PoolCoherence::kSoftware, SeedOf(file)) {
  FetchAll();
}

ForeignReader::~ForeignReader() = default;

void ForeignReader::FetchAll() { std::memcpy(cached_.get(), replay_->device().data(), bytes_); }

void ForeignReader::Fetch(uint64_t line) {
  const uint64_t at = line * kPoolLineBytes;
  std::memcpy(cached_.get() + at, &replay_->device()[at], kPoolLineBytes);
}

void ForeignReader::FetchAnew(const void* address, size_t bytes) {
  const auto* const from = static_cast<const std::byte*>(address);
  const auto begin = static_cast<uint64_t>(from - cached_.get());
  // The caches fetch what they like, and that may be what was dropped a moment ago.
  if ((*random_)() % 4 == 0) Fetch((*random_)() % (bytes_ / kPoolLineBytes));
  if (bytes == 0) return;
  for (uint64_t at = begin / kPoolLineBytes; at <= (begin + bytes - 1) / kPoolLineBytes; ++at) {
    go_on_();
    if (refreshes_) Fetch(at);
  }
}

void ForeignReader::Observe(CoherenceCall call, const void* address, size_t bytes) {
  if (call == CoherenceCall::kRefreshed) reading->FetchAnew(address, bytes);
}

Result<std::optional<Copied>> ForeignReader::Get(std::string_view key) {
  reading = this;
  coherence_observer = Observe;
  Result<std::optional<Copied>> copied = CopyFrom(memory_, key);
  coherence_observer = nullptr;
  return copied;
}

std::vector<std::string> ForeignReader::Keys() {
  reading = this;
  coherence_observer = Observe;
  std::vector<std::string> keys;
  for (uint64_t position = 0;;) {
    const std::optional<Listed> listed = ListFrom(memory_, position);
    if (!listed.has_value()) break;
    keys.push_back(listed->key);
  }
  coherence_observer = nullptr;
  std::ranges::sort(keys);
  return keys;
}

}  // namespace memtiers
