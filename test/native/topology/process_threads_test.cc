#include "topology/process_threads.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <thread>

#include "sys/thread_affinity.h"
#include "topology/process_memory.h"

namespace memtiers {
namespace {

constexpr int kNobody = 2147483600;

// Fields 3 to 52 of a stat, 14, 15 and 39 of which matter.
std::string Fields(const char* user, const char* system, const char* cpu) {
  std::string text = " S";
  for (int field = 4; field <= 52; ++field) {
    text += " ";
    text += field == 14 ? user : field == 15 ? system : field == 39 ? cpu : "-1";
  }
  return text + "\n";
}

}  // namespace

TEST_CASE("a thread's stat tells its name, its CPU and the CPU time it took") {
  const Result<ProcessThread> thread = ParseThreadStat("4711 (a (b) c) " + Fields("7", "5", "63"));
  REQUIRE(thread.ok());
  CHECK(thread.value().id == 4711);
  CHECK(thread.value().name == "a (b) c");
  CHECK(thread.value().cpu == 63);
  CHECK(thread.value().cpu_ticks == 12);
}

TEST_CASE("a stat that makes no sense is told apart") {
  CHECK_FALSE(ParseThreadStat("").ok());
  CHECK_FALSE(ParseThreadStat("4711").ok());
  CHECK_FALSE(ParseThreadStat("4711 )x(" + Fields("7", "5", "0")).ok());
  CHECK_FALSE(ParseThreadStat("4711 (a) S 1 2 3").ok());
  CHECK_FALSE(ParseThreadStat("x (a)" + Fields("7", "5", "0")).ok());
  CHECK_FALSE(ParseThreadStat("4711 (a)" + Fields("-7", "5", "0")).ok());
  CHECK_FALSE(ParseThreadStat("4711 (a)" + Fields("7", "5", "99999999999")).ok());
}

TEST_CASE("the threads of this process are those that run, each on a CPU it may use") {
  std::thread([] {
    const std::vector<int> last{UsableCpus().value().back()};
    REQUIRE(SetThreadCpus(0, last).ok());
    const std::vector<ProcessThread> threads = ReadProcessThreads("", 0).value();
    const auto own = std::ranges::find(threads, ThisThread().thread, &ProcessThread::id);
    REQUIRE(own != threads.end());
    CHECK(own->cpus == last);
    CHECK(own->cpu == last.front());
    CHECK(threads.size() >= 2);
  }).join();
}

TEST_CASE("a process that is not there is unavailable, its memory too") {
  CHECK(ReadProcessThreads("", kNobody).status().code() == Code::kUnavailable);
  CHECK(ReadProcessMemory("", kNobody).status().code() == Code::kUnavailable);
}

}  // namespace memtiers
