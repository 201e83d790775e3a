#include "track/pmu_events.h"

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "track/pmu_source.h"

namespace memtiers {
namespace {

namespace fs = std::filesystem;

// A tree of the files the kernel would show.
class Pmus {
 public:
  Pmus() {
    std::array<char, 64> path{"/tmp/memory-tiers-pmu-XXXXXX"};
    REQUIRE(mkdtemp(path.data()) != nullptr);
    root_ = path.data();
    fs::create_directories(root_ + "/sys/bus/event_source/devices");
  }
  Pmus(const Pmus&) = delete;
  Pmus& operator=(const Pmus&) = delete;
  ~Pmus() { fs::remove_all(root_); }

  void Set(const std::string& file, const std::string& text) const {
    const fs::path path = root_ + "/sys/bus/event_source/devices/" + file;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text << '\n';
  }
  void SetIntelFormats(const std::string& pmu) const {
    Set(pmu + "/format/event", "config:0-7");
    Set(pmu + "/format/umask", "config:8-15");
    Set(pmu + "/format/ldlat", "config1:0-15");
  }
  const std::string& root() const { return root_; }

 private:
  std::string root_;
};

}  // namespace

TEST_CASE("loads and stores of an Intel CPU are put together from the kernel's descriptions") {
  const Pmus pmus;
  pmus.Set("cpu/type", "4");
  pmus.SetIntelFormats("cpu");
  pmus.Set("cpu/events/mem-loads", "event=0xcd,umask=0x1,ldlat=3");
  pmus.Set("cpu/events/mem-stores", "event=0xd0,umask=0x82");
  const std::vector<PerfEvent> events = FindAccessEvents(pmus.root()).value();
  REQUIRE(events.size() == 2);
  CHECK(events[0].name == "cpu/mem-loads/");
  CHECK(events[0].type == 4);
  CHECK(events[0].config == 0x1cd);
  CHECK(events[0].config1 == 3);
  CHECK(events[0].precise == 2);
  CHECK(events[0].period > 0);
  CHECK_FALSE(events[0].starts_group);
  CHECK(events[1].config == 0x82d0);
}

TEST_CASE("the event that loads need beside them leads their group, on both kinds of core") {
  const Pmus pmus;
  for (const std::string pmu : {"cpu_core", "cpu_atom"}) {
    pmus.Set(pmu + "/type", pmu == "cpu_core" ? "4" : "10");
    pmus.SetIntelFormats(pmu);
    pmus.Set(pmu + "/events/mem-loads", "event=0xcd,umask=0x1,ldlat=3");
  }
  pmus.Set("cpu_core/events/mem-loads-aux", "event=0x03,umask=0x82");
  const std::vector<PerfEvent> events = FindAccessEvents(pmus.root()).value();
  REQUIRE(events.size() == 3);
  CHECK(events[0].starts_group);
  CHECK(events[0].config == 0x8203);
  CHECK_FALSE(events[1].starts_group);
  CHECK(events[2].type == 10);
}

TEST_CASE("operations of an AMD CPU are sampled, in user mode where the kernel can filter") {
  const Pmus pmus;
  pmus.Set("cpu/type", "4");  // without mem-loads
  pmus.Set("ibs_op/type", "11");
  pmus.Set("ibs_op/format/cnt_ctl", "config:19");
  CHECK(FindAccessEvents(pmus.root()).value().front().config == uint64_t{1} << 19);
  CHECK(FindAccessEvents(pmus.root()).value().front().filters_itself);
  pmus.Set("ibs_op/format/swfilt", "config2:0");
  const std::vector<PerfEvent> events = FindAccessEvents(pmus.root()).value();
  REQUIRE(events.size() == 1);
  CHECK(events[0].type == 11);
  CHECK(events[0].config2 == 1);
  CHECK(events[0].period % 16 == 0);
  CHECK_FALSE(events[0].filters_itself);
}

TEST_CASE("a value that its format has no room for, or in no known place, is refused") {
  const Pmus pmus;
  pmus.Set("cpu/type", "4");
  pmus.SetIntelFormats("cpu");
  pmus.Set("cpu/events/mem-loads", "event=0x1cd");
  CHECK(FindAccessEvents(pmus.root()).status().code() == Code::kUnavailable);
  pmus.Set("cpu/format/split", "config:0-3,32-35");
  pmus.Set("cpu/events/mem-loads", "split=0xab");
  CHECK(FindAccessEvents(pmus.root()).value().front().config == 0xa'0000'000b);
  for (const char* format : {"config9:0-7", "config", "config:7-0", "config:0-64", "config:x"}) {
    pmus.Set("cpu/format/event", format);
    pmus.Set("cpu/events/mem-loads", "event=1");
    CHECK(FindAccessEvents(pmus.root()).status().code() == Code::kUnavailable);
  }
}

TEST_CASE("a machine without such a PMU is told so") {
  const Pmus pmus;
  const HotnessProbe probe = ProbePmu(pmus.root());
  CHECK_FALSE(probe.available);
  CHECK(probe.detail.find("no PMU of this machine") != std::string::npos);
  CHECK(OpenPmuSource(pmus.root()).status().code() == Code::kUnavailable);
}

TEST_CASE("a PMU that is named but refuses the event is told with the call and the errno") {
  const Pmus pmus;
  pmus.Set("cpu/type", "4095");
  pmus.SetIntelFormats("cpu");
  pmus.Set("cpu/events/mem-loads", "event=0xcd");
  const HotnessProbe probe = ProbePmu(pmus.root());
  CHECK_FALSE(probe.available);
  CHECK(probe.detail.find("perf_event_open (cpu/mem-loads/)") != std::string::npos);
  CHECK(OpenPmuSource(pmus.root()).status().error() != 0);
}

}  // namespace memtiers
