// What moves cost, against memcpy of the same bytes in the same run. Prints one JSON object a line;
// main.js makes tables of them.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "memory/file_backend.h"
#include "memory/simulated_backend.h"
#include "migrate/live_move.h"
#include "migrate/reback.h"
#include "nodes.h"
#include "sys/mapping.h"
#include "sys/probe.h"
#include "table.h"

namespace memtiers {
namespace {

using std::chrono::steady_clock;
constexpr uint64_t kCapacity = 4 * kChunks * kChunkBytes;

// One run of chunks, moved whole from one backend to another.
class Bench {
 public:
  explicit Bench(const std::string& directory)
      : heap_(Need(Heap::Open(8 * kChunks * kChunkBytes))),
        memory_(Add(Need(SimulatedBackend::Open(std::nullopt)))),
        file_(Add(Need(FileBackend::Open({.directory = directory, .capacity_bytes = kCapacity})))),
        run_(Need(heap_->Allocate(memory_, kChunks))),
        address_(heap_->RunAt(run_).value().address),
        copy_(heap_->RunAt(Need(heap_->Allocate(memory_, kChunks))).value().address) {
    std::memset(address_, 1, kChunks * kChunkBytes);
    std::memset(copy_, 2, kChunks * kChunkBytes);
  }

  uint32_t Add(std::unique_ptr<Backend> backend) {
    return Need(heap_->AddBackend(std::move(backend), kCapacity));
  }

  // Nanoseconds a chunk; pauses are added to `pauses` if there is one.
  double MoveLive(uint32_t backend, std::vector<double>* pauses = nullptr) {
    steady_clock::duration time{};
    for (uint32_t i = 0; i < kChunks; ++i) {
      LiveMove move = Need(LiveMove::Begin(*heap_, run_ + i, backend));
      const auto start = steady_clock::now();
      move.Run();
      time += steady_clock::now() - start;
      const MoveResult result = Need(move.Finish(*heap_));
      if (pauses != nullptr) pauses->push_back(Nanoseconds(result.pause));
    }
    return Nanoseconds(time) / kChunks;
  }

  double Reback(uint32_t backend) {
    const auto start = steady_clock::now();
    for (uint32_t i = 0; i < kChunks; ++i) (void)Need(RebackChunk(*heap_, run_ + i, backend));
    return Nanoseconds(steady_clock::now() - start) / kChunks;
  }

  // What a chunk's page costs when it is made ready, copied and remapped by itself.
  double MoveInSteps() {
    const size_t page = PageBytes();
    std::byte* const side = Need(ReserveAddressSpace(kChunkBytes, kChunkBytes));
    std::byte* const chunk = Need(ReserveAddressSpace(kChunkBytes, kChunkBytes));
    if (Status mapped = MapAnonymous(chunk, kChunkBytes); !mapped.ok()) Fail(mapped);
    std::memset(chunk, 1, kChunkBytes);
    const int fd = memfd_create("steps", MFD_CLOEXEC);
    if (ftruncate(fd, kChunkBytes) != 0) Fail({Code::kIo, "ftruncate"});
    const auto start = steady_clock::now();
    for (size_t at = 0; at < kChunkBytes; at += page) {
      Status status = MapFile(side + at, page, {.fd = fd, .offset = at});
      if (status.ok()) status = PopulateWrite(side + at, page);
      std::memcpy(side + at, chunk + at, page);
      if (status.ok()) status = MoveMapping(side + at, chunk + at, page);
      if (!status.ok()) Fail(status);
    }
    const double time = Nanoseconds(steady_clock::now() - start);
    ReleaseAddressSpace(chunk, kChunkBytes);
    ReleaseAddressSpace(side, kChunkBytes);
    close(fd);
    return time;
  }

  // The bytes that the moves move, in the same order, to memory that is there.
  double Copy() {
    const auto start = steady_clock::now();
    for (uint32_t i = 0; i < kChunks; ++i) {
      std::memcpy(copy_ + i * kChunkBytes, address_ + i * kChunkBytes, kChunkBytes);
      std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    return Nanoseconds(steady_clock::now() - start) / kChunks;
  }

  void Touch() {
    for (size_t at = 0; at < kChunks * kChunkBytes; at += kChunkBytes) {
      address_[at] ^= std::byte{1};
    }
  }

  std::byte* address() const { return address_; }
  uint32_t memory() const { return memory_; }
  uint32_t file() const { return file_; }

 private:
  std::unique_ptr<Heap> heap_;
  uint32_t memory_;
  uint32_t file_;
  uint32_t run_;
  std::byte* address_;
  std::byte* copy_;
};

void BenchMoves(const std::string& directory, int rounds) {
  Bench bench(directory);
  const uint32_t memory = bench.memory();
  const uint32_t file = bench.file();
  const auto live = [&](uint32_t backend) { return bench.MoveLive(backend); };
  RunTable("moving 2 MiB", rounds,
           {{"memcpy", [&] { return bench.Copy(); }},
            {"memory to file, owner stopped", [&] { return bench.Reback(file); }},
            {"file to memory, owner stopped", [&] { return bench.Reback(memory); }},
            {"memory to file, transparent", [&] { return live(file); }},
            {"file to memory, transparent", [&] { return live(memory); }},
            {"back to the file, written since",
             [&] {
               bench.Touch();
               return live(file);
             }},
            {"back to the file, by shadow",
             [&] {
               live(memory);
               const double time = live(file);
               live(memory);
               bench.Touch();
               live(file);
               bench.Reback(memory);
               return time;
             }},
            {"memory to a file in 4 KiB steps", [&] { return bench.MoveInSteps(); }}});
}

// A thread that writes all of the run again and again; words a second.
class Writer {
 public:
  explicit Writer(Bench& bench) : thread_([this, &bench] { Run(bench.address()); }) {}
  ~Writer() {
    stopped_ = true;
    thread_.join();
  }
  uint64_t passes() const { return passes_.load(std::memory_order_relaxed); }

 private:
  void Run(std::byte* address) {
    auto* const words = reinterpret_cast<std::atomic<uint64_t>*>(address);
    while (!stopped_.load(std::memory_order_relaxed)) {
      for (size_t i = 0; i < kChunkBytes / sizeof(uint64_t); ++i) {
        words[i].store(i, std::memory_order_relaxed);
      }
      passes_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  std::atomic<bool> stopped_ = false;
  std::atomic<uint64_t> passes_ = 0;
  std::thread thread_;
};

void PrintPauses(const char* name, const std::vector<double>& pauses) {
  constexpr double kMiBPerChunk = static_cast<double>(kChunkBytes) / kMiB;
  std::printf(
      "{\"table\":\"pause per MiB\",\"name\":\"%s\",\"p50Ns\":%.0f,\"p99Ns\":%.0f,\"count\":%zu}\n",
      name, Quantile(pauses, 0.5) / kMiBPerChunk, Quantile(pauses, 0.99) / kMiBPerChunk,
      pauses.size());
}

void BenchPauses(const std::string& directory, int rounds) {
  for (const bool written : {false, true}) {
    Bench bench(directory);
    std::vector<double> demotions;
    std::vector<double> promotions;
    std::unique_ptr<Writer> writer;
    if (written) writer = std::make_unique<Writer>(bench);
    for (int round = 0; round < 4 * rounds; ++round) {
      bench.Touch();
      bench.MoveLive(bench.file(), &demotions);
      bench.MoveLive(bench.memory(), &promotions);
    }
    PrintPauses(written ? "memory to file, one chunk being written" : "memory to file, quiet",
                demotions);
    PrintPauses(written ? "file to memory, one chunk being written" : "file to memory, quiet",
                promotions);
  }
}

void BenchWriter(const std::string& directory, int rounds) {
  Bench bench(directory);
  Writer writer(bench);
  const auto speed = [&](const std::function<void()>& meanwhile) {
    const auto start = steady_clock::now();
    const uint64_t before = writer.passes();
    while (steady_clock::now() - start < std::chrono::milliseconds(200)) meanwhile();
    return Nanoseconds(steady_clock::now() - start) /
           static_cast<double>(std::max<uint64_t>(1, writer.passes() - before));
  };
  RunTable(
      "writing 2 MiB", rounds,
      {{"at rest",
        [&] { return speed([] { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }); }},
       {"while another thread copies", [&] { return speed([&] { (void)bench.Copy(); }); }},
       {"while it and 15 others move to a file and back", [&] {
          return speed([&] {
            (void)bench.MoveLive(bench.file());
            (void)bench.MoveLive(bench.memory());
          });
        }}});
}

}  // namespace
}  // namespace memtiers

// usage: migration_bench DIRECTORY ROUNDS [moves|nodes]
int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], memtiers::kHoldMemory) == 0) {
    return memtiers::HoldMemory(std::atoi(argv[2]));
  }
  const std::string directory = argc > 1 ? argv[1] : "/var/tmp";
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 15;
  const std::string only = argc > 3 ? argv[3] : "";
  if (only != "nodes") {
    memtiers::BenchMoves(directory, rounds);
    memtiers::BenchPauses(directory, rounds);
    memtiers::BenchWriter(directory, rounds);
  }
  if (only != "moves") memtiers::BenchNodes(rounds);
  return 0;
}
