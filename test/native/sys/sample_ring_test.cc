#include "sys/sample_ring.h"

#include <doctest/doctest.h>
#include <linux/perf_event.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <vector>

namespace memtiers {
namespace {

constexpr size_t kRingBytes = 256;

// A ring as the kernel fills it, records wrapping around its end.
class Ring {
 public:
  explicit Ring(uint64_t start = 0) : tail_(start), head_(start), bytes_(kRingBytes) {}

  void Put(uint32_t type, std::initializer_list<uint64_t> words) {
    const auto size = static_cast<uint16_t>(sizeof(perf_event_header) + words.size() * 8);
    const perf_event_header header{.type = type, .misc = 0, .size = size};
    PutBytes(&header, sizeof(header));
    for (const uint64_t word : words) PutBytes(&word, sizeof(word));
  }
  void PutSample(uint64_t address, bool store) {
    const uint64_t operation = store ? PERF_MEM_OP_STORE : PERF_MEM_OP_LOAD;
    Put(PERF_RECORD_SAMPLE, {address, operation << PERF_MEM_OP_SHIFT});
  }
  void PutBytes(const void* data, size_t length) {
    for (size_t i = 0; i < length; ++i, ++head_) {
      bytes_[head_ % kRingBytes] = static_cast<const std::byte*>(data)[i];
    }
  }

  RingRead Read() {
    samples.clear();
    return ReadSamples(bytes_, tail_, head_,
                       [this](const AccessSample& sample) { samples.push_back(sample); });
  }

  std::vector<AccessSample> samples;

 private:
  uint64_t tail_;
  uint64_t head_;
  std::vector<std::byte> bytes_;
};

}  // namespace

TEST_CASE("samples come out in order, loads and stores apart") {
  Ring ring;
  CHECK_FALSE(ring.Read().malformed);
  CHECK(ring.samples.empty());
  ring.PutSample(0x1000, false);
  ring.PutSample(0x2000, true);
  CHECK_FALSE(ring.Read().malformed);
  REQUIRE(ring.samples.size() == 2);
  CHECK(ring.samples[0].address == 0x1000);
  CHECK_FALSE(ring.samples[0].store);
  CHECK(ring.samples[1].address == 0x2000);
  CHECK(ring.samples[1].store);
}

TEST_CASE("a record that wraps around the ring's end is read whole, wherever it is cut") {
  for (uint64_t start = 3 * kRingBytes - 48; start <= 3 * kRingBytes; ++start) {
    CAPTURE(start);
    Ring ring(start);
    ring.PutSample(0x123456789abc, true);
    ring.PutSample(0xfedcba987654, false);
    CHECK_FALSE(ring.Read().malformed);
    REQUIRE(ring.samples.size() == 2);
    CHECK(ring.samples[0].address == 0x123456789abc);
    CHECK(ring.samples[0].store);
    CHECK(ring.samples[1].address == 0xfedcba987654);
  }
}

TEST_CASE("lost samples and throttling are counted, and records of other kinds passed over") {
  Ring ring;
  ring.Put(PERF_RECORD_LOST, {1, 40});
  ring.Put(PERF_RECORD_THROTTLE, {1, 2, 3});
  ring.Put(PERF_RECORD_UNTHROTTLE, {1, 2, 3});
  ring.Put(PERF_RECORD_LOST_SAMPLES, {2});
  ring.Put(4711, {});
  ring.PutSample(0x1000, false);
  const RingRead read = ring.Read();
  CHECK(read.lost == 42);
  CHECK(read.throttled == 1);
  CHECK_FALSE(read.malformed);
  CHECK(ring.samples.size() == 1);
}

TEST_CASE("what does not look like a record ends the reading after the samples before it") {
  const perf_event_header empty{.type = PERF_RECORD_SAMPLE, .misc = 0, .size = 0};
  const perf_event_header beyond{.type = PERF_RECORD_SAMPLE, .misc = 0, .size = 200};
  for (const perf_event_header& header : {empty, beyond}) {
    Ring ring;
    ring.PutSample(0x1000, false);
    ring.PutBytes(&header, sizeof(header));
    CHECK(ring.Read().malformed);
    CHECK(ring.samples.size() == 1);
  }
  Ring cut;
  cut.PutBytes("abc", 3);
  CHECK(cut.Read().malformed);
  CHECK(cut.samples.empty());
  Ring short_sample;
  short_sample.Put(PERF_RECORD_SAMPLE, {0x1000});
  CHECK_FALSE(short_sample.Read().malformed);
  CHECK(short_sample.samples.empty());
}

}  // namespace memtiers
