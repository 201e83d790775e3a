// The files that DAMON's interface is made of, without the kernel behind them: what is written, and
// what is made of what is there. test/vm/hotness.test.ts has the kernel.
#include "track/damon_source.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/bytes.h"
#include "sys/directory_lock.h"

namespace memtiers {

namespace {

namespace fs = std::filesystem;

constexpr const char* kAdmin = "/sys/kernel/mm/damon/admin/";
constexpr const char* kKdamonds = "kdamonds/nr_kdamonds";
constexpr const char* kState = "kdamonds/0/state";
constexpr const char* kContext = "kdamonds/0/contexts/0/";
constexpr const char* kTried = "kdamonds/0/contexts/0/schemes/0/tried_regions/";

// An interface that nobody uses; the directories that the kernel would make are there already.
class Damon {
 public:
  Damon() {
    std::array<char, 64> path{"/tmp/memory-tiers-damon-XXXXXX"};
    REQUIRE(mkdtemp(path.data()) != nullptr);
    root_ = path.data();
    fs::create_directories(root_ + "/proc/4242");
    fs::create_symlink("4242", root_ + "/proc/self");
    Set(kKdamonds, "0\n");
    Set(kState, "off\n");
    Set("kdamonds/0/pid", "77\n");
    for (const char* file :
         {"kdamonds/0/contexts/nr_contexts", "kdamonds/0/contexts/0/operations"}) {
      Set(file, "");
    }
    InContext("avail_operations", "vaddr\nfvaddr\npaddr\n");
    for (const char* file :
         {"monitoring_attrs/intervals/sample_us", "monitoring_attrs/intervals/aggr_us",
          "monitoring_attrs/nr_regions/min", "monitoring_attrs/nr_regions/max",
          "targets/nr_targets", "targets/0/pid_target", "targets/0/regions/nr_regions",
          "schemes/nr_schemes", "schemes/0/action", "schemes/0/access_pattern/sz/max",
          "schemes/0/access_pattern/nr_accesses/min", "schemes/0/access_pattern/nr_accesses/max",
          "schemes/0/access_pattern/age/max"}) {
      InContext(file, "");
    }
    for (int i = 0; i < 4; ++i) {
      for (const char* side : {"/start", "/end"}) {
        InContext("targets/0/regions/" + std::to_string(i) + side, "");
      }
    }
    Set(std::string(kTried) + "total_bytes", "0\n");
  }
  ~Damon() { fs::remove_all(root_); }
  Damon(const Damon&) = delete;
  Damon& operator=(const Damon&) = delete;

  void Set(const std::string& file, const std::string& text) const { Write(kAdmin + file, text); }
  void InContext(const std::string& file, const std::string& text) const {
    Set(kContext + file, text);
  }
  void Write(const std::string& path, const std::string& text) const {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  std::string Get(const std::string& file) const {
    std::ostringstream text;
    text << std::ifstream(root_ + kAdmin + file).rdbuf();
    return text.str();
  }
  std::string GetInContext(const std::string& file) const { return Get(kContext + file); }
  void Tried(int index, uint64_t start, uint64_t end, int accesses) const {
    const std::string region = kTried + std::to_string(index);
    Set(region + "/start", std::to_string(start) + "\n");
    Set(region + "/end", std::to_string(end) + "\n");
    Set(region + "/nr_accesses", std::to_string(accesses) + "\n");
  }
  void KernelTicks(int ticks) const {
    Write("/proc/77/stat",
          "77 (k damond) S 2 0 0 0 -1 2129984 0 0 0 0 0 " + std::to_string(ticks) + " 0 0 20 0\n");
  }
  const std::string& root() const { return root_; }

 private:
  std::string root_;
};

WatchedChunk ChunkAt(uint32_t chunk, uint64_t index) {
  return {.chunk = chunk, .address = reinterpret_cast<std::byte*>(index * kChunkBytes)};
}

std::unique_ptr<HotnessSource> Open(const Damon& damon) {
  Result<std::unique_ptr<HotnessSource>> source = OpenDamonSource(damon.root());
  REQUIRE(source.ok());
  return std::move(source.value());
}

Collection Collect(HotnessSource& source) {
  Result<Collection> collection = source.Collect();
  REQUIRE(collection.ok());
  return std::move(collection.value());
}

}  // namespace

TEST_CASE("DAMON is taken, told what to watch, and given back") {
  const Damon damon;
  {
    const auto source = Open(damon);
    CHECK(damon.Get(kKdamonds) == "1");
    CHECK(damon.GetInContext("operations") == "fvaddr");
    CHECK(damon.GetInContext("targets/0/pid_target") == "4242");
    CHECK(damon.GetInContext("schemes/0/action") == "stat");
    CHECK(damon.GetInContext("schemes/0/access_pattern/nr_accesses/min") == "1");
    CHECK(damon.Get(kState) == "off\n");

    REQUIRE(source->Watch({ChunkAt(9, 101), ChunkAt(7, 100)}).ok());
    CHECK(Collect(*source).chunks.empty());
    CHECK(damon.Get(kState) == "on");
    CHECK(damon.GetInContext("targets/0/regions/nr_regions") == "2");
    const uint64_t first = 100 * kChunkBytes;
    const uint64_t page = sysconf(_SC_PAGESIZE);
    CHECK(damon.GetInContext("targets/0/regions/0/start") == std::to_string(first));
    // Regions that touch would be merged.
    CHECK(damon.GetInContext("targets/0/regions/0/end") ==
          std::to_string(first + kChunkBytes - page));
    CHECK(damon.GetInContext("targets/0/regions/1/start") == std::to_string(first + kChunkBytes));
    CHECK(damon.GetInContext("monitoring_attrs/intervals/sample_us") == "5000");
    CHECK(damon.GetInContext("monitoring_attrs/intervals/aggr_us") == "100000");

    REQUIRE(source->Watch({ChunkAt(7, 100)}).ok());
    Collect(*source);
    CHECK(damon.Get(kState) == "commit");
    CHECK(damon.GetInContext("targets/0/regions/nr_regions") == "1");

    REQUIRE(source->Watch({}).ok());
    Collect(*source);
    CHECK(damon.Get(kState) == "off");
  }
  CHECK(damon.Get(kKdamonds) == "0");
}

TEST_CASE("what DAMON found accessed is counted in pages of chunks") {
  const Damon damon;
  const auto source = Open(damon);
  REQUIRE(source->Watch({ChunkAt(1, 10), ChunkAt(2, 11), ChunkAt(3, 12), ChunkAt(4, 20)}).ok());
  Collect(*source);
  const auto at = [](double chunks) { return static_cast<uint64_t>(chunks * kChunkBytes); };
  damon.Tried(0, at(10), at(11), 20);      // all of it, at every look
  damon.Tried(1, at(11), at(12.5), 10);    // half the looks, at one and a half chunks
  damon.Tried(2, at(20.5), at(20.75), 1);  // a quarter, at one look of twenty
  damon.Tried(3, at(30), at(31), 20);      // not ours
  const Collection found = Collect(*source);
  REQUIRE(found.chunks.size() == 4);
  const std::array<uint32_t, 4> expected{512, 256, 128, 7};
  for (size_t i = 0; i < expected.size(); ++i) {
    CHECK(found.chunks[i].chunk == i + 1);
    CHECK(found.chunks[i].reads == expected[i]);
    CHECK(found.chunks[i].writes == 0);
  }
  CHECK(found.scanned_bytes == 4 * kChunkBytes);
}

TEST_CASE("the kernel thread's CPU time is part of the cost, once") {
  using std::chrono::milliseconds;
  const Damon damon;
  damon.KernelTicks(0);
  const auto source = Open(damon);
  REQUIRE(source->Watch({ChunkAt(1, 10)}).ok());
  Collect(*source);
  damon.KernelTicks(300);
  const auto cost = Collect(*source).cost;
  CHECK(cost >= milliseconds(3000));
  CHECK(cost < milliseconds(4000));
  CHECK(Collect(*source).cost < milliseconds(1000));
}

TEST_CASE("many chunks are looked at less often") {
  const Damon damon;
  const size_t chunks = 400;
  std::vector<WatchedChunk> watched;
  for (uint32_t i = 0; i < chunks; ++i) {
    watched.push_back(ChunkAt(i, 100 + i));
    for (const char* side : {"/start", "/end"}) {
      damon.InContext("targets/0/regions/" + std::to_string(i) + side, "");
    }
  }
  const auto source = Open(damon);
  REQUIRE(source->Watch(watched).ok());
  Collect(*source);
  CHECK(damon.GetInContext("monitoring_attrs/intervals/sample_us") == "20000");
  CHECK(damon.GetInContext("monitoring_attrs/intervals/aggr_us") == "400000");
  CHECK(damon.GetInContext("monitoring_attrs/nr_regions/max") == "400");
}

TEST_CASE("a collection that fails is followed by a fresh start") {
  const Damon damon;
  const auto source = Open(damon);
  REQUIRE(source->Watch({ChunkAt(1, 10)}).ok());
  Collect(*source);
  fs::rename(damon.root() + kAdmin + kTried, damon.root() + "/away");
  CHECK(source->Collect().status().error() == ENOENT);
  fs::rename(damon.root() + "/away", damon.root() + kAdmin + kTried);
  Collect(*source);
  CHECK(damon.Get(kState) == "on");
}

TEST_CASE("whoever uses DAMON already is left alone") {
  const Damon damon;
  damon.Set(kKdamonds, "1\n");
  damon.InContext("operations", "fvaddr\n");
  damon.InContext("targets/nr_targets", "1\n");
  const auto refused = [&](const char* pid, const char* state) {
    damon.InContext("targets/0/pid_target", pid);
    damon.Set(kState, state);
    const HotnessProbe probe = ProbeDamon(damon.root());
    CHECK(damon.Get(kKdamonds) == "1\n");
    CHECK(damon.Get(kState) == state);
    return !probe.available && probe.detail.find("another program") != std::string::npos;
  };
  damon.Write("/proc/99/stat", "");
  CHECK(refused("99\n", "on\n"));
  // Being set up, or off for a while.
  CHECK(refused("99\n", "off\n"));
  CHECK(refused("0\n", "off\n"));
  // In another container.
  CHECK(refused("98\n", "on\n"));
  damon.Set(kKdamonds, "2\n");
  const HotnessProbe two = ProbeDamon(damon.root());
  CHECK_FALSE(two.available);
  CHECK(damon.Get(kKdamonds) == "2\n");
  damon.Set(kKdamonds, "1\n");
  damon.InContext("operations", "paddr\n");
  CHECK(refused("98\n", "off\n"));
}

TEST_CASE("what a process that died left behind is taken over") {
  const Damon damon;
  damon.Set(kKdamonds, "1\n");
  damon.InContext("operations", "fvaddr\n");
  damon.InContext("targets/nr_targets", "1\n");
  damon.InContext("targets/0/pid_target", "98\n");
  const HotnessProbe probe = ProbeDamon(damon.root());
  CHECK(probe.available);
  CHECK(probe.sees_reads);
  CHECK(probe.sees_writes);
  CHECK(damon.Get(kKdamonds) == "0");
}

TEST_CASE("DAMON has one user at a time, who keeps it") {
  const Damon damon;
  auto source = Open(damon);
  const HotnessProbe probe = ProbeDamon(damon.root());
  CHECK_FALSE(probe.available);
  CHECK(probe.detail.find("another memory") != std::string::npos);
  CHECK(damon.Get(kKdamonds) == "1");
  source.reset();
  CHECK(ProbeDamon(damon.root()).available);
}

TEST_CASE("a kernel that cannot watch virtual addresses gets its interface back") {
  const Damon damon;
  damon.InContext("avail_operations", "paddr\n");
  const HotnessProbe probe = ProbeDamon(damon.root());
  CHECK_FALSE(probe.available);
  CHECK(probe.detail.find("virtual addresses") != std::string::npos);
  CHECK(damon.Get(kKdamonds) == "0");
  CHECK(OpenDamonSource(damon.root()).status().code() == Code::kUnavailable);
}

TEST_CASE("a kernel without DAMON is no error but an answer") {
  CHECK(OpenDamonSource("/nowhere").status().code() == Code::kUnavailable);
  CHECK(ProbeDamon("/nowhere").detail.find("no DAMON") != std::string::npos);
}

TEST_CASE("this machine says whether it has DAMON, and is as it was afterwards") {
  std::ifstream before("/sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds");
  std::string count;
  before >> count;
  CHECK_FALSE(ProbeDamon().detail.empty());
  std::ifstream after("/sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds");
  std::string count_after;
  after >> count_after;
  CHECK(count == count_after);
}

}  // namespace memtiers
