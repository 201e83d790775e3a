// The many shapes of machines are scanned from fixtures by test/unit/numa; here is the running
// system, and what is damaged.
#include "topology/cpus.h"

#include <doctest/doctest.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "sys/thread_affinity.h"

namespace memtiers {

namespace {

namespace fs = std::filesystem;

void WriteFile(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << content;
}

}  // namespace

TEST_CASE("the running machine has the CPU this runs on, and the process may use it") {
  const CpuTopology topology = ScanCpus("");
  const int here = ThisThread().cpu;
  CHECK(std::ranges::any_of(topology.cpus, [here](const Cpu& cpu) { return cpu.id == here; }));
  CHECK(std::ranges::find(topology.allowed_cpus, here) != topology.allowed_cpus.end());
  for (const CpuCache& cache : topology.caches) {
    CHECK(cache.size_bytes > 0);
    CHECK_FALSE(cache.cpus.empty());
  }
}

TEST_CASE("a thread that is bound changes neither the allowed CPUs nor the stamp") {
  std::thread([] {
    const CpuTopology before = ScanCpus("");
    const std::string stamp = TopologyStamp("");
    REQUIRE(SetThreadCpus(0, std::vector<int>{before.allowed_cpus.front()}).ok());
    CHECK(ScanCpus("").allowed_cpus == before.allowed_cpus);
    CHECK(TopologyStamp("") == stamp);
  }).join();
}

TEST_CASE("garbage is absent and named, and the stamp sees every change") {
  std::array<char, 64> path{"/tmp/memory-tiers-cpus-XXXXXX"};
  REQUIRE(mkdtemp(path.data()) != nullptr);
  const fs::path root = path.data();
  const fs::path cpus = root / "sys/devices/system/cpu";
  WriteFile(cpus / "online", "0-1\n");
  WriteFile(cpus / "cpu0/topology/physical_package_id", "sevenfold\n");
  WriteFile(cpus / "cpu0/topology/thread_siblings_list", "0-\n");
  WriteFile(cpus / "cpu0/cache/index0/level", "1\n");
  WriteFile(cpus / "cpu0/cache/index0/type", "Sideways\n");
  WriteFile(cpus / "cpu0/cache/index0/size", "32K\n");
  WriteFile(root / "proc/self/status", "Cpus_allowed_list:\t0-1\nMems_allowed_list:\t0\n");
  const CpuTopology topology = ScanCpus(root);
  REQUIRE(topology.cpus.size() == 2);
  CHECK(topology.cpus[0].package == -1);
  CHECK(topology.cpus[1].core == 1);
  CHECK(topology.caches.empty());
  CHECK(topology.allowed_cpus == std::vector<int>{0, 1});
  CHECK(topology.unreadable.size() == 3);

  const std::string before = TopologyStamp(root);
  CHECK(TopologyStamp(root) == before);
  WriteFile(root / "proc/self/status", "Cpus_allowed_list:\t0\nMems_allowed_list:\t0\n");
  const std::string narrowed = TopologyStamp(root);
  CHECK(narrowed != before);
  WriteFile(root / "sys/devices/system/node/has_memory", "0-1\n");
  CHECK(TopologyStamp(root) != narrowed);
  fs::remove_all(root);
}

}  // namespace memtiers
