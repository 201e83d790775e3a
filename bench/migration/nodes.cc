#include "nodes.h"

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "memory/numa_backend.h"
#include "migrate/move_job.h"
#include "sys/available_memory.h"
#include "sys/mapping.h"
#include "sys/numa.h"
#include "sys/probe.h"
#include "table.h"

namespace memtiers {
namespace {

using std::chrono::steady_clock;

constexpr size_t kBytes = kChunks * kChunkBytes;
constexpr char kMigratePages[] = "/usr/bin/migratepages";

std::vector<int> NodesWithRoom() {
  std::vector<int> nodes;
  for (int node = 0; node < 8; ++node) {
    const Result<AvailableMemory> memory = AvailableOnNode(node);
    if (memory.ok() && memory.value().available_bytes > 4 * kBytes) nodes.push_back(node);
  }
  return nodes;
}

int32_t Pages() { return static_cast<int32_t>(kBytes / PageBytes()); }

// Memory in pages of the base size, all of them there.
std::byte* MapOnNode(int node) {
  std::byte* const address = Need(ReserveAddressSpace(kBytes, kChunkBytes));
  Status status = MapAnonymous(address, kBytes);
  AdviseSmallPages(address, kBytes);
  if (status.ok()) status = PreferNode(address, kBytes, node);
  if (status.ok()) status = PopulateWrite(address, kBytes);
  if (!status.ok()) Fail(status);
  return address;
}

int32_t PagesOn(int node, std::byte* address) {
  int32_t pages = 0;
  for (size_t at = 0; at < kBytes; at += kChunkBytes) {
    std::vector<std::byte*> places;
    for (size_t page = 0; page < kChunkBytes; page += PageBytes()) {
      places.push_back(address + at + page);
    }
    std::vector<int> status(places.size(), -ENOENT);
    if (Status queried = QueryPages(places, status); !queried.ok()) Fail(queried);
    pages += static_cast<int32_t>(std::count(status.begin(), status.end(), node));
  }
  return pages;
}

// Another process with as much memory as the others move.
class Holder {
 public:
  explicit Holder(int node) {
    std::array<int, 2> to{};
    std::array<int, 2> from{};
    if (pipe(to.data()) != 0 || pipe(from.data()) != 0) Fail({Code::kIo, "pipe"});
    pid_ = fork();
    if (pid_ == 0) {
      dup2(to[0], STDIN_FILENO);
      dup2(from[1], STDOUT_FILENO);
      for (const int fd : {to[0], to[1], from[0], from[1]}) close(fd);
      execl("/proc/self/exe", "migration_bench", kHoldMemory, std::to_string(node).c_str(),
            nullptr);
      _exit(127);
    }
    close(to[0]);
    close(from[1]);
    in_ = to[1];
    out_ = from[0];
    if (PagesOnNode(node) != Pages()) Fail({Code::kMisplaced, "the other process' memory"});
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder() {
    close(in_);
    close(out_);
    waitpid(pid_, nullptr, 0);
  }

  // Has the tool move everything; nanoseconds a chunk, its start included.
  double Migrate(int source, int target) {
    const auto start = steady_clock::now();
    const pid_t tool = fork();
    if (tool == 0) {
      execl(kMigratePages, "migratepages", std::to_string(pid_).c_str(),
            std::to_string(source).c_str(), std::to_string(target).c_str(), nullptr);
      _exit(127);
    }
    int status = 0;
    waitpid(tool, &status, 0);
    const double time = Nanoseconds(steady_clock::now() - start) / kChunks;
    if (status != 0) Fail({Code::kIo, kMigratePages});
    if (PagesOnNode(target) != Pages()) Fail({Code::kBusy, "pages the tool did not move"});
    return time;
  }

 private:
  int32_t PagesOnNode(int node) const {
    int32_t pages = 0;
    const bool answered = write(in_, &node, sizeof node) == sizeof node &&
                          read(out_, &pages, sizeof pages) == sizeof pages;
    return answered ? pages : -1;
  }

  pid_t pid_ = -1;
  int in_ = -1;
  int out_ = -1;
};

// A run that goes from node to node as the product moves it.
class Shuttle {
 public:
  Shuttle(int left, int right)
      : heap_(Need(Heap::Open(2 * kBytes))), left_(Add(left)), right_(Add(right)) {
    run_ = Need(heap_->Allocate(left_, kChunks));
    // A run of this size has no pages yet.
    std::byte* const address = heap_->RunAt(run_).value().address;
    AdviseSmallPages(address, kBytes);
    if (Status populated = PopulateWrite(address, kBytes); !populated.ok()) Fail(populated);
  }

  double GoRight() { return Go(right_); }
  void GoBack() { (void)Go(left_); }

 private:
  uint32_t Add(int node) {
    return Need(heap_->AddBackend(Need(NumaBackend::Open(node)), 2 * kBytes));
  }
  double Go(uint32_t backend) {
    const auto start = steady_clock::now();
    MoveJob job = Need(MoveJob::Begin(*heap_, run_, kChunks, backend));
    job.Run();
    const double time = Nanoseconds(steady_clock::now() - start) / kChunks;
    if (job.Finish(*heap_).applied != kChunks) Fail({Code::kBusy, "pages stayed"});
    return time;
  }

  std::unique_ptr<Heap> heap_;
  uint32_t left_;
  uint32_t right_;
  uint32_t run_ = 0;
};

double MoveOneByOne(std::byte* address, int node) {
  const auto start = steady_clock::now();
  for (size_t at = 0; at < kBytes; at += PageBytes()) {
    std::byte* page = address + at;
    int status = -EAGAIN;
    (void)MovePages(std::span(&page, 1), node, std::span(&status, 1));
    if (status != node) Fail({Code::kBusy, "a page that stayed"});
  }
  return Nanoseconds(steady_clock::now() - start) / kChunks;
}

}  // namespace

void BenchNodes(int rounds) {
  const std::vector<int> nodes = NodesWithRoom();
  if (nodes.size() < 2) {
    std::printf("{\"table\":\"node to node\",\"skipped\":\"one node with memory\"}\n");
    return;
  }
  const int left = nodes[0];
  const int right = nodes[1];
  std::byte* const address = MapOnNode(left);
  Shuttle shuttle(left, right);
  std::vector<Case> cases = {{"one move_pages call a page",
                              [&] {
                                const double time = MoveOneByOne(address, right);
                                (void)MoveOneByOne(address, left);
                                return time;
                              }},
                             {"in batches, every status read", [&] {
                                const double time = shuttle.GoRight();
                                shuttle.GoBack();
                                return time;
                              }}};
  std::unique_ptr<Holder> holder;
  if (access(kMigratePages, X_OK) == 0) {
    holder = std::make_unique<Holder>(left);
    cases.push_back({"the migratepages tool, its start included", [&] {
                       const double time = holder->Migrate(left, right);
                       (void)holder->Migrate(right, left);
                       return time;
                     }});
  }
  RunTable("node to node, 2 MiB in 4 KiB pages", rounds, cases);
}

int HoldMemory(int node) {
  std::byte* const address = MapOnNode(node);
  int32_t asked = 0;
  while (read(STDIN_FILENO, &asked, sizeof asked) == sizeof asked) {
    const int32_t pages = PagesOn(asked, address);
    if (write(STDOUT_FILENO, &pages, sizeof pages) != sizeof pages) return 1;
  }
  return 0;
}

}  // namespace memtiers
