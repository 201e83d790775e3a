// Many moves under many writers. A short form runs with the other tests; MEMTIERS_TORTURE_MOVES and
// MEMTIERS_TORTURE_WRITES ask for more, MEMTIERS_TORTURE_PLACES names more backends, with commas:
// a directory, a devdax device, or node:N.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "memory/dax_backend.h"
#include "memory/file_backend.h"
#include "memory/numa_backend.h"
#include "memory/simulated_backend.h"
#include "migrate/checked_words.h"
#include "migrate/live_move.h"
#include "migrate/move_job.h"
#include "migrate/move_point.h"
#include "sys/probe.h"
#include "sys/userfaultfd.h"

namespace memtiers {
namespace {

constexpr uint32_t kChunks = 4;
constexpr char kPlaces[] = "node:0,/var/tmp,/dev/shm";
constexpr uint64_t kCapacity = 2 * kChunks * kChunkBytes;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

Result<std::unique_ptr<Backend>> OpenPlace(const std::string& place) {
  if (place.starts_with("node:")) return NumaBackend::Open(std::atoi(place.c_str() + 5));
  if (place.starts_with("/dev/dax")) {
    return DaxBackend::Open({.path = place, .capacity_bytes = kCapacity});
  }
  return FileBackend::Open({.directory = place, .capacity_bytes = kCapacity});
}

// A heap with a run that moves on and on, and somebody who decides where to.
class Mill {
 public:
  Mill(uint32_t seed, uint32_t chunks, const char* common_places) : random_(seed), chunks_(chunks) {
    Add(std::move(SimulatedBackend::Open(std::nullopt).value()));
    std::stringstream places(common_places);
    std::string place;
    while (std::getline(places, place, ',')) AddPlace(place);
    const char* const more = std::getenv("MEMTIERS_TORTURE_PLACES");
    // A device has one user, and the first heap is it.
    if (more != nullptr && seed == 1) {
      places = std::stringstream(more);
      while (std::getline(places, place, ',')) AddPlace(place);
    }
    run_ = heap_->Allocate(0, chunks_).value();
  }

  std::byte* address() const { return heap_->RunAt(run_).value().address; }

  // Moves a random chunk somewhere else, or is made to fail. Counts what was tried and applied.
  void MoveOne() {
    const auto chunk = static_cast<uint32_t>(run_ + random_() % chunks_);
    const auto target = static_cast<uint32_t>(random_() % backends_);
    const uint32_t source = heap_->BackendOf(chunk).value();
    if (target == source) return;
    ++tried;
    if (heap_->backend(source).page_migratable() && heap_->backend(target).page_migratable()) {
      Result<MoveJob> job = MoveJob::Begin(*heap_, chunk, 1, target);
      REQUIRE(job.ok());
      job.value().Run();
      applied += job.value().Finish(*heap_).applied;
      return;
    }
    Result<LiveMove> move = LiveMove::Begin(*heap_, chunk, target);
    REQUIRE(move.ok());
    move.value().Run();
    const Result<MoveResult> result = move.value().Finish(*heap_);
    CHECK(heap_->BackendOf(chunk).value() == (result.ok() ? target : source));
    if (result.ok()) {
      ++applied;
      if (result.value().copied_bytes == 0) ++shadows;
    }
  }

  uint64_t tried = 0;
  uint64_t applied = 0;
  uint64_t shadows = 0;

  Heap& heap() { return *heap_; }
  uint32_t run() const { return run_; }

 private:
  void Add(std::unique_ptr<Backend> backend) {
    REQUIRE(heap_->AddBackend(std::move(backend), kCapacity).ok());
    ++backends_;
  }
  void AddPlace(const std::string& place) {
    Result<std::unique_ptr<Backend>> backend = OpenPlace(place);
    CAPTURE(place);
    REQUIRE(backend.ok());
    Add(std::move(backend.value()));
  }

  std::unique_ptr<Heap> heap_ = std::move(Heap::Open(64 * kChunkBytes).value());
  std::minstd_rand random_;
  uint32_t chunks_;
  uint32_t backends_ = 0;
  uint32_t run_ = 0;
};

// One move in sixteen fails somewhere, or stands still for a moment.
Status Disturb(MovePoint /*point*/) {
  thread_local std::minstd_rand random(std::hash<std::thread::id>()(std::this_thread::get_id()));
  const auto dice = random() / 128 % 512;
  if (dice < 5) return Status::FromErrno(Code::kIo, EIO, "test", "disturbed");
  if (dice < 10) std::this_thread::sleep_for(std::chrono::microseconds(200));
  return {};
}

constexpr size_t kReadBytes = kMiB;

// A file whose every 4 KiB page says where it is.
class PatternFile {
 public:
  explicit PatternFile(int flags) {
    char path[] = "/var/tmp/memory-tiers-pattern-XXXXXX";
    const int fd = mkostemp(path, O_CLOEXEC);
    std::vector<uint64_t> words(kFileBytes / sizeof(uint64_t));
    for (size_t i = 0; i < words.size(); ++i) words[i] = Word(i);
    REQUIRE(write(fd, words.data(), kFileBytes) == static_cast<ssize_t>(kFileBytes));
    REQUIRE(fsync(fd) == 0);
    close(fd);
    fd_ = open(path, O_RDONLY | O_CLOEXEC | flags);
    unlink(path);
  }
  ~PatternFile() { close(fd_); }

  bool opened() const { return fd_ >= 0; }

  // Reads a stretch of the file to an address; how many words are not what the file has.
  size_t ReadTo(std::byte* address, uint64_t turn) const {
    const size_t offset = turn * kReadBytes % kFileBytes;
    REQUIRE(pread(fd_, address, kReadBytes, static_cast<off_t>(offset)) ==
            static_cast<ssize_t>(kReadBytes));
    size_t wrong = 0;
    for (size_t i = 0; i < kReadBytes; i += sizeof(uint64_t)) {
      uint64_t word = 0;
      std::memcpy(&word, address + i, sizeof word);
      wrong += word != Word((offset + i) / sizeof(uint64_t)) ? 1 : 0;
    }
    return wrong;
  }

 private:
  static constexpr size_t kFileBytes = 4 * kMiB;
  static uint64_t Word(size_t i) { return (i + 1) * 0x9e3779b97f4a7c15; }

  int fd_ = -1;
};

struct DirectReads {
  uint64_t moves = 0;
  uint64_t reads = 0;
  uint64_t lost_words = 0;
};

// Reads past the page cache into a run that moves, with or without pinning it meanwhile, until
// words are lost or there were so many reads.
DirectReads ReadDirectly(bool pinning, uint64_t reads) {
  DirectReads result;
  Mill mill(1, 1, "/var/tmp");
  const PatternFile file(O_DIRECT);
  if (!file.opened()) return result;
  std::byte* const address = mill.address();
  // The heap has one owner, so moves and pins take turns: pins cover what is between them.
  std::atomic<bool> wants_pin = false;
  std::atomic<bool> pinned = false;
  std::atomic<bool> done = false;
  std::thread reader([&] {
    for (; result.reads < reads && result.lost_words == 0; ++result.reads) {
      if (pinning) {
        wants_pin = true;
        while (!pinned) std::this_thread::yield();
      }
      result.lost_words += file.ReadTo(address + result.reads % 2 * kReadBytes, result.reads);
      if (pinning) {
        wants_pin = false;
        while (pinned) std::this_thread::yield();
      }
    }
    done = true;
  });
  while (!done) {
    if (wants_pin) {
      REQUIRE(mill.heap().Pin(mill.run()).ok());
      pinned = true;
      while (wants_pin) std::this_thread::yield();
      REQUIRE(mill.heap().Unpin(mill.run()).ok());
      pinned = false;
    }
    mill.MoveOne();
  }
  reader.join();
  result.moves = mill.applied;
  return result;
}

bool CanMove() {
  if (ProbeUserfaultfd().error == 0 && ProbePermissions().move_pages == 0) return true;
  MESSAGE("skipped: no full userfaultfd, or no move_pages here");
  return false;
}

}  // namespace

TEST_CASE("torture: two heaps move without end, and every write and read is right") {
  if (!CanMove()) return;
  const uint64_t moves = FromEnvironment("MEMTIERS_TORTURE_MOVES", 600);
  const uint64_t writes = FromEnvironment("MEMTIERS_TORTURE_WRITES", 2'000'000);
  SetMovePointHook(Disturb);
  std::array<Mill, 2> mills = {Mill(1, kChunks, kPlaces), Mill(2, kChunks, kPlaces)};
  // The last chunk is the kernel's.
  CheckedWords words(mills[0].address(), (kChunks - 1) * kChunkBytes);
  CheckedWords others(mills[1].address(), (kChunks - 1) * kChunkBytes);
  words.Start(2, 1);
  others.Start(1, 1);
  const PatternFile file(0);
  std::atomic<bool> stopped = false;
  uint64_t reads = 0;
  uint64_t wrong = 0;
  std::thread kernel([&] {
    std::byte* const chunk = mills[0].address() + (kChunks - 1) * kChunkBytes;
    for (; !stopped; ++reads) wrong += file.ReadTo(chunk + reads % 2 * kReadBytes, reads);
  });
  std::thread other([&] {
    while (!stopped) mills[1].MoveOne();
  });
  while (mills[0].applied < moves || words.writes() + others.writes() < writes) mills[0].MoveOne();
  stopped = true;
  other.join();
  kernel.join();
  words.Stop();
  others.Stop();
  SetMovePointHook(nullptr);
  MESSAGE("moves tried " << mills[0].tried + mills[1].tried << ", applied "
                         << mills[0].applied + mills[1].applied << ", by shadow "
                         << mills[0].shadows + mills[1].shadows << "; checked writes "
                         << words.writes() + others.writes() << ", reads "
                         << words.reads() + others.reads() << ", read(2) of 1 MiB " << reads);
  CHECK(mills[1].applied > 0);
  CHECK(mills[0].tried > mills[0].applied);
  CHECK(words.reads() > 0);
  CHECK(reads > 0);
  CHECK(words.lost() + others.lost() == 0);
  CHECK(words.Whole());
  CHECK(others.Whole());
  CHECK(wrong == 0);
}

TEST_CASE("torture: direct I/O into a moving chunk loses data") {
  if (!CanMove()) return;
  const DirectReads result = ReadDirectly(false, FromEnvironment("MEMTIERS_TORTURE_READS", 50'000));
  if (result.reads == 0) {
    MESSAGE("skipped: no direct I/O in /var/tmp");
    return;
  }
  MESSAGE("lost " << result.lost_words << " words after " << result.reads << " reads and "
                  << result.moves << " moves");
  CHECK(result.lost_words > 0);
}

TEST_CASE("torture: direct I/O into a pinned run loses nothing, with moves in between") {
  if (!CanMove()) return;
  const DirectReads result = ReadDirectly(true, FromEnvironment("MEMTIERS_TORTURE_READS", 500));
  if (result.reads == 0) {
    MESSAGE("skipped: no direct I/O in /var/tmp");
    return;
  }
  MESSAGE(result.reads << " reads and " << result.moves << " moves");
  CHECK(result.moves > 0);
  CHECK(result.lost_words == 0);
}

}  // namespace memtiers
