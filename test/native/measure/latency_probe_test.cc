#include "measure/latency_probe.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <set>

namespace memtiers {
namespace {

constexpr std::align_val_t kPage{4096};

struct Free {
  void operator()(std::byte* memory) const { ::operator delete[](memory, kPage); }
};
using Block = std::unique_ptr<std::byte[], Free>;

Block NewBlock() {
  return Block(static_cast<std::byte*>(::operator new[](LatencyProbe::kBytes + 4096, kPage)));
}

// Where a line of the probe says the next one is.
size_t NextOf(const Block& block, size_t offset) {
  size_t next = 0;
  std::memcpy(&next, block.get() + offset, sizeof next);
  return next;
}

size_t FirstLine(const Block& block) {
  size_t offset = 0;
  while (NextOf(block, offset) == 0) offset += 64;
  return offset;
}

// The same reads out of the caches: what a probe that flushed nothing would report. Short enough to
// come through between two interruptions now and then.
double CachedNs(const Block& block) {
  size_t offset = FirstLine(block);
  constexpr int kReads = 64 * 8;
  for (int i = 0; i < 64; ++i) offset = NextOf(block, offset);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kReads; ++i) {
    offset = NextOf(block, offset);
    asm volatile("" : "+r"(offset));
  }
  const std::chrono::duration<double, std::nano> elapsed = std::chrono::steady_clock::now() - start;
  return elapsed.count() / kReads;
}

}  // namespace

TEST_CASE("a latency probe reads 64 lines of the block in one cycle, no two on a page") {
  const Block block = NewBlock();
  REQUIRE(LatencyProbe::Create(block.get()).ok());
  std::set<size_t> lines;
  std::set<size_t> pages;
  const size_t first = FirstLine(block);
  size_t offset = first;
  do {
    REQUIRE(offset % 64 == 0);
    REQUIRE(offset < LatencyProbe::kBytes);
    lines.insert(offset);
    pages.insert(offset / 4096);
    offset = NextOf(block, offset);
  } while (offset != first && lines.size() <= 64);
  CHECK(lines.size() == 64);
  CHECK(pages.size() == 64);
}

TEST_CASE("a latency probe waits for memory, not for the caches, each time anew") {
  const Block block = NewBlock();
  Result<LatencyProbe> probe = LatencyProbe::Create(block.get());
  REQUIRE(probe.ok());
  // Whatever else runs here can only make reads take longer, so the shortest of many are compared:
  // out of the caches a read takes a twentieth of the time.
  double cached = std::numeric_limits<double>::infinity();
  double measured = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 200; ++i) {
    cached = std::min(cached, CachedNs(block));
    measured = std::min(measured, probe.value().MeasureNs());
  }
  CHECK(measured > 2 * cached);
}

TEST_CASE("a latency probe refuses memory that is not aligned to a page") {
  const Block block = NewBlock();
  const Result<LatencyProbe> probe = LatencyProbe::Create(block.get() + 64);
  REQUIRE_FALSE(probe.ok());
  CHECK(probe.status().code() == Code::kInvalid);
}

}  // namespace memtiers
