// The kernel's own rings, filled by an event that every machine has: page faults, whose samples
// carry addresses as those of loads and stores do.
#include "sys/perf_event.h"

#include <doctest/doctest.h>
#include <linux/perf_event.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <string>
#include <thread>

#include "base/bytes.h"
#include "sys/mapping.h"

namespace memtiers {
namespace {

constexpr size_t kPages = 300;

PerfEvent PageFaults() {
  return {.name = "page-faults",
          .type = PERF_TYPE_SOFTWARE,
          .config = PERF_COUNT_SW_PAGE_FAULTS,
          .period = 1};
}

class FreshPages {
 public:
  FreshPages() : address_(ReserveAddressSpace(kPages * 4 * kKiB, kChunkBytes).value()) {
    REQUIRE(MapAnonymous(address_, kPages * 4 * kKiB).ok());
    AdviseSmallPages(address_, kPages * 4 * kKiB);
  }
  FreshPages(const FreshPages&) = delete;
  FreshPages& operator=(const FreshPages&) = delete;
  ~FreshPages() { ReleaseAddressSpace(address_, kPages * 4 * kKiB); }

  void Touch() const {
    for (size_t i = 0; i < kPages; ++i) {
      *static_cast<volatile std::byte*>(address_ + i * 4 * kKiB) = std::byte{1};
    }
  }

  // Samples with an address in these pages, and how many pages those are.
  struct Seen {
    size_t samples = 0;
    std::set<uintptr_t> pages;
  };
  Seen SeenBy(ThreadSampler& sampler) const {
    Seen seen;
    const auto begin = reinterpret_cast<uintptr_t>(address_);
    const RingRead read = sampler.Take([&](const AccessSample& sample) {
      if (sample.address < begin || sample.address >= begin + kPages * 4 * kKiB) return;
      ++seen.samples;
      seen.pages.insert(sample.address / (4 * kKiB));
    });
    CHECK_FALSE(read.malformed);
    CHECK(read.lost == 0);
    return seen;
  }

 private:
  std::byte* address_;
};

// Empties the ring. Faults of the test's own, of which a sanitizer may have thousands at a time,
// can have filled it; that is told with the next sample.
void Drain(ThreadSampler& sampler) {
  RingRead read;
  do {
    const FreshPages some;
    some.Touch();
    read = sampler.Take([](const AccessSample&) {});
  } while (read.lost > 0);
}

// Whether this process may sample itself at all.
bool Permitted() {
  const std::vector<PerfEvent> events = {PageFaults()};
  const Status opened = ThreadSampler::Open(events, CurrentThread()).status();
  if (opened.code() == Code::kNoPermission) MESSAGE("skipped: errno " << opened.error());
  return opened.code() != Code::kNoPermission;
}

}  // namespace

TEST_CASE("the addresses one thread meets are handed out once, those of other threads never") {
  if (!Permitted()) return;
  const std::vector<PerfEvent> events = {PageFaults()};
  ThreadSampler sampler = std::move(ThreadSampler::Open(events, CurrentThread()).value());
  const FreshPages mine;
  mine.Touch();
  CHECK(mine.SeenBy(sampler).pages.size() == kPages);
  CHECK(mine.SeenBy(sampler).samples == 0);
  const FreshPages others;
  std::thread([&others] { others.Touch(); }).join();
  CHECK(others.SeenBy(sampler).samples == 0);
}

TEST_CASE("a ring that is read again and again wraps around and loses nothing") {
  if (!Permitted()) return;
  const std::vector<PerfEvent> events = {PageFaults()};
  ThreadSampler sampler = std::move(ThreadSampler::Open(events, CurrentThread()).value());
  for (int round = 0; round < 40; ++round) {  // some 7 KiB each
    const FreshPages pages;
    Drain(sampler);
    pages.Touch();
    CHECK(pages.SeenBy(sampler).pages.size() == kPages);
  }
}

TEST_CASE("several events of a thread share its ring, and one that leads a group is not sampled") {
  if (!Permitted()) return;
  std::vector<PerfEvent> events = {PageFaults(), PageFaults(), PageFaults()};
  events[0].starts_group = true;
  ThreadSampler sampler = std::move(ThreadSampler::Open(events, CurrentThread()).value());
  const FreshPages pages;
  pages.Touch();
  const FreshPages::Seen seen = pages.SeenBy(sampler);
  CHECK(seen.pages.size() == kPages);
  CHECK(seen.samples == 2 * kPages);
}

TEST_CASE("an event nobody has and a thread that is gone are statuses with their errno") {
  const std::vector<PerfEvent> unknown = {{.name = "nothing", .type = 4095, .period = 1}};
  const Status absent = ThreadSampler::Open(unknown, CurrentThread()).status();
  CHECK_FALSE(absent.ok());
  CHECK(absent.error() != 0);
  CHECK(std::string(absent.syscall()) == "perf_event_open");
  if (!Permitted()) return;
  const std::vector<PerfEvent> events = {PageFaults()};
  int thread = 0;
  std::thread([&thread] { thread = CurrentThread(); }).join();
  CHECK(ThreadSampler::Open(events, thread).status().error() == ESRCH);
  CHECK(ThreadSampler::Open({}, CurrentThread()).status().code() == Code::kInvalid);
}

TEST_CASE("the threads of this process are listed, the caller among them") {
  const std::vector<int> threads = ListThreads().value();
  CHECK(std::ranges::find(threads, CurrentThread()) != threads.end());
}

}  // namespace memtiers
