#include "migrate/live_move.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>

#include "base/bytes.h"
#include "memory/file_backend.h"
#include "memory/simulated_backend.h"
#include "migrate/checked_words.h"
#include "migrate/move_point.h"
#include "refusing_kernel.h"
#include "sys/probe.h"
#include "sys/userfaultfd.h"

namespace memtiers {
namespace {

constexpr uint64_t kCapacity = 4 * kChunkBytes;

bool CanMove() {
  if (ProbeUserfaultfd().error == 0) return true;
  MESSAGE("skipped: no full userfaultfd here");
  return false;
}

struct Tiers {
  std::unique_ptr<Heap> heap = std::move(Heap::Open(32 * kChunkBytes).value());
  uint32_t memory = AddMemory();
  uint32_t file = AddFile();

  uint32_t AddMemory() const {
    return heap->AddBackend(std::move(SimulatedBackend::Open(std::nullopt).value()), kCapacity)
        .value();
  }
  // In a directory on a drive: a file system in memory keeps no shadows.
  uint32_t AddFile() const {
    const FileBackendParams params = {.directory = "/var/tmp", .capacity_bytes = kCapacity};
    return heap->AddBackend(std::move(FileBackend::Open(params).value()), kCapacity).value();
  }
  uint64_t Used(uint32_t backend) const {
    return heap->Stats(backend).value().mapped_bytes / kChunkBytes;
  }
  std::byte* AddressOf(uint32_t chunk) const { return heap->PartOfRun(chunk, 1).value().address; }
  Result<MoveResult> Move(uint32_t chunk, uint32_t backend) const {
    Result<LiveMove> move = LiveMove::Begin(*heap, chunk, backend);
    if (!move.ok()) return move.status();
    std::thread mover([&] { move.value().Run(); });
    mover.join();
    return move.value().Finish(*heap);
  }
};

void Fill(std::byte* chunk, uint64_t seed) {
  for (size_t i = 0; i < kChunkBytes; i += sizeof seed) {
    const uint64_t word = (i + 1) * 0x9e3779b97f4a7c15 ^ seed;
    std::memcpy(chunk + i, &word, sizeof word);
  }
}

bool IsFilled(const std::byte* chunk, uint64_t seed) {
  for (size_t i = 0; i < kChunkBytes; i += sizeof seed) {
    const uint64_t word = (i + 1) * 0x9e3779b97f4a7c15 ^ seed;
    if (std::memcmp(chunk + i, &word, sizeof word) != 0) return false;
  }
  return true;
}

// The point where moves fail, or wait for as long as `gate` is shut.
std::atomic<int> failing_point = -1;
std::atomic<int> waiting_point = -1;
std::atomic<bool> arrived = false;
std::atomic<bool> gate_open = false;

Status Hook(MovePoint point) {
  if (static_cast<int>(point) == waiting_point) {
    arrived = true;
    while (!gate_open) std::this_thread::yield();
  }
  if (static_cast<int>(point) != failing_point) return {};
  return Status::FromErrno(Code::kIo, EIO, "test", MovePointName(point));
}

class Hooked {
 public:
  Hooked() {
    failing_point = waiting_point = -1;
    arrived = gate_open = false;
    SetMovePointHook(Hook);
  }
  ~Hooked() { SetMovePointHook(nullptr); }
};

// A move that stops at a point until it is let go.
class StoppedMove {
 public:
  StoppedMove(const Tiers& tiers, uint32_t chunk, uint32_t backend, MovePoint point)
      : heap_(*tiers.heap), move_(std::move(LiveMove::Begin(heap_, chunk, backend).value())) {
    waiting_point = static_cast<int>(point);
    mover_ = std::thread([this] { move_.Run(); });
    while (!arrived) std::this_thread::yield();
  }
  Result<MoveResult> LetGo() {
    gate_open = true;
    mover_.join();
    return move_.Finish(heap_);
  }

 private:
  Hooked hooked_;
  Heap& heap_;
  LiveMove move_;
  std::thread mover_;
};

}  // namespace

TEST_CASE(
    "a chunk keeps its address and its bytes on its way through a file, and the books follow") {
  if (!CanMove()) return;
  const Tiers tiers;
  const uint32_t second_file = tiers.AddFile();
  const uint32_t first = tiers.heap->Allocate(tiers.memory, 3).value();
  const uint32_t chunk = first + 1;
  std::byte* const address = tiers.AddressOf(chunk);
  Fill(address, 7);
  for (const uint32_t backend : {tiers.file, second_file, tiers.memory}) {
    const uint32_t before = tiers.heap->BackendOf(chunk).value();
    const Result<MoveResult> moved = tiers.Move(chunk, backend);
    REQUIRE(moved.ok());
    CHECK(moved.value().applied == 1);
    CHECK(moved.value().copied_bytes >= kChunkBytes);
    CHECK(moved.value().pause.count() > 0);
    CHECK(tiers.heap->BackendOf(chunk).value() == backend);
    CHECK(tiers.Used(backend) == (backend == tiers.memory ? 3 : 1));
    if (before == tiers.file) CHECK(tiers.Used(before) == 0);
    CHECK(tiers.AddressOf(chunk) == address);
    CHECK(IsFilled(address, 7));
    std::memset(address, 1, 8);
    Fill(address, 7);
  }
}

TEST_CASE("never-touched memory goes to a file and back as zeroes") {
  if (!CanMove()) return;
  const Tiers tiers;
  const uint32_t chunk = tiers.heap->Allocate(tiers.memory, 1).value();
  const std::byte* const address = tiers.AddressOf(chunk);
  REQUIRE(tiers.Move(chunk, tiers.file).ok());
  CHECK(std::all_of(address, address + kChunkBytes, [](std::byte b) { return b == std::byte{0}; }));
  REQUIRE(tiers.Move(chunk, tiers.memory).ok());
  CHECK(std::all_of(address, address + kChunkBytes, [](std::byte b) { return b == std::byte{0}; }));
}

TEST_CASE("no write is lost and no reader sees anything but the last write, whatever moves") {
  if (!CanMove()) return;
  const Tiers tiers;
  const uint32_t second_file = tiers.AddFile();
  const std::array backends = {tiers.memory, tiers.file, second_file};
  const uint32_t chunk = tiers.heap->Allocate(tiers.memory, 1).value();
  CheckedWords words(tiers.AddressOf(chunk), kChunkBytes);
  words.Start(2, 1);
  uint64_t moved = 0;
  uint32_t seed = 1;
  while (moved < 300 || words.writes() < 200'000) {
    seed = seed * 1664525 + 1013904223;
    const uint32_t backend = backends[seed / 65536 % backends.size()];
    if (backend == tiers.heap->BackendOf(chunk).value()) continue;
    const Result<MoveResult> result = tiers.Move(chunk, backend);
    REQUIRE(result.ok());
    moved += result.value().applied;
  }
  words.Stop();
  CHECK(words.lost() == 0);
  CHECK(words.Whole());
  CHECK(words.reads() > 0);
}

TEST_CASE("a move that fails at any point leaves the chunk as it was, with writers going on") {
  if (!CanMove()) return;
  const Hooked hooked;
  const Tiers tiers;
  const uint32_t chunk = tiers.heap->Allocate(tiers.memory, 1).value();
  CheckedWords words(tiers.AddressOf(chunk), kChunkBytes);
  words.Start(2, 1);
  for (const uint32_t target : {tiers.file, tiers.memory}) {
    const uint32_t source = tiers.heap->BackendOf(chunk).value();
    for (const MovePoint point :
         {MovePoint::kPrepared, MovePoint::kCopied, MovePoint::kHeldBack, MovePoint::kRecopied}) {
      failing_point = static_cast<int>(point);
      const Result<MoveResult> result = tiers.Move(chunk, target);
      CAPTURE(MovePointName(point));
      REQUIRE_FALSE(result.ok());
      CHECK(result.status().what() == MovePointName(point));
      CHECK(tiers.heap->BackendOf(chunk).value() == source);
      CHECK(tiers.Used(source) == 1);
      CHECK(tiers.Used(target) == 0);
      // Nobody is left waiting.
      const uint64_t writes = words.writes();
      while (words.writes() < writes + 1000) std::this_thread::yield();
    }
    failing_point = -1;
    REQUIRE(tiers.Move(chunk, target).ok());
  }
  // What fails after the new place is there is no failure of the move.
  for (const MovePoint point : {MovePoint::kReplaced, MovePoint::kLetGo, MovePoint::kShadowing}) {
    failing_point = static_cast<int>(point);
    CHECK(tiers.Move(chunk, tiers.file).ok());
    CHECK(tiers.Move(chunk, tiers.memory).ok());
  }
  words.Stop();
  CHECK(words.lost() == 0);
}

TEST_CASE("a chunk that nobody wrote goes back to its file without a copy, one that was with one") {
  if (!CanMove()) return;
  const Tiers tiers;
  const uint32_t chunk = tiers.heap->Allocate(tiers.file, 1).value();
  std::byte* const address = tiers.AddressOf(chunk);
  Fill(address, 3);
  REQUIRE(tiers.Move(chunk, tiers.memory).ok());
  CHECK(tiers.heap->Stats(tiers.file).value().shadow_chunks == 1);
  CHECK(IsFilled(address, 3));
  Result<MoveResult> back = tiers.Move(chunk, tiers.file);
  REQUIRE(back.ok());
  CHECK(back.value().copied_bytes == 0);
  CHECK(IsFilled(address, 3));
  CHECK(tiers.heap->Stats(tiers.file).value().shadow_chunks == 0);
  CHECK(tiers.Used(tiers.file) == 1);

  REQUIRE(tiers.Move(chunk, tiers.memory).ok());
  address[12345] ^= std::byte{1};
  back = tiers.Move(chunk, tiers.file);
  REQUIRE(back.ok());
  CHECK(back.value().copied_bytes >= kChunkBytes);
  address[12345] ^= std::byte{1};
  CHECK(IsFilled(address, 3));
  CHECK(tiers.Used(tiers.file) == 1);
  CHECK(tiers.Used(tiers.memory) == 0);
}

TEST_CASE("a chunk written while it becomes a shadow is none") {
  if (!CanMove()) return;
  const Tiers tiers;
  const uint32_t chunk = tiers.heap->Allocate(tiers.file, 1).value();
  std::byte* const address = tiers.AddressOf(chunk);
  Fill(address, 3);
  StoppedMove move(tiers, chunk, tiers.memory, MovePoint::kLetGo);
  address[kChunkBytes - 1] ^= std::byte{1};
  REQUIRE(move.LetGo().ok());
  CHECK(tiers.heap->Stats(tiers.file).value().shadow_chunks == 0);
  CHECK(tiers.Used(tiers.file) == 0);
  REQUIRE(tiers.Move(chunk, tiers.file).ok());
  address[kChunkBytes - 1] ^= std::byte{1};
  CHECK(IsFilled(address, 3));
}

TEST_CASE("shadows make way for whoever needs their room, and go with their run") {
  if (!CanMove()) return;
  const Tiers tiers;
  const uint32_t run = tiers.heap->Allocate(tiers.file, 3).value();
  for (uint32_t i = 0; i < 3; ++i) {
    Fill(tiers.AddressOf(run + i), i);
    REQUIRE(tiers.Move(run + i, tiers.memory).ok());
  }
  CHECK(tiers.heap->Stats(tiers.file).value().shadow_chunks == 3);
  const Result<uint32_t> two = tiers.heap->Allocate(tiers.file, 2);
  REQUIRE(two.ok());
  CHECK(tiers.heap->Stats(tiers.file).value().shadow_chunks == 2);
  std::memset(tiers.AddressOf(two.value()), 9, 2 * kChunkBytes);
  for (uint32_t i = 0; i < 3; ++i) CHECK(IsFilled(tiers.AddressOf(run + i), i));
  REQUIRE(tiers.heap->Free(run).ok());
  CHECK(tiers.heap->Stats(tiers.file).value().shadow_chunks == 0);
  CHECK(tiers.Used(tiers.file) == 2);
}

TEST_CASE("what the kernel stores into a chunk that is held back waits, and arrives") {
  if (!CanMove()) return;
  const Tiers tiers;
  const uint32_t chunk = tiers.heap->Allocate(tiers.memory, 1).value();
  std::byte* const address = tiers.AddressOf(chunk);
  for (const uint32_t target : {tiers.file, tiers.memory}) {
    std::memset(address, 0, kChunkBytes);
    StoppedMove move(tiers, chunk, target, MovePoint::kHeldBack);
    std::atomic<bool> done = false;
    ssize_t got = 0;
    std::thread reader([&] {
      const int zeroes = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
      got = read(zeroes, address, 4096);
      close(zeroes);
      done = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    CHECK_FALSE(done);
    REQUIRE(move.LetGo().ok());
    reader.join();
    CHECK(got == 4096);
    CHECK(std::any_of(address, address + 4096, [](std::byte b) { return b != std::byte{0}; }));
    CHECK(tiers.heap->BackendOf(chunk).value() == target);
  }
}

TEST_CASE("a pinned run is not moved, and pinning ends a move that is under way") {
  if (!CanMove()) return;
  const Tiers tiers;
  const uint32_t run = tiers.heap->Allocate(tiers.memory, 2).value();
  Fill(tiers.AddressOf(run), 5);
  REQUIRE(tiers.heap->Pin(run).ok());
  REQUIRE(tiers.heap->Pin(run).ok());
  CHECK(LiveMove::Begin(*tiers.heap, run + 1, tiers.file).status().code() == Code::kBusy);
  REQUIRE(tiers.heap->Unpin(run).ok());
  CHECK(LiveMove::Begin(*tiers.heap, run, tiers.file).status().code() == Code::kBusy);
  REQUIRE(tiers.heap->Unpin(run).ok());
  CHECK_FALSE(tiers.heap->Unpin(run).ok());

  StoppedMove move(tiers, run, tiers.file, MovePoint::kCopied);
  std::thread opener([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    gate_open = true;
  });
  REQUIRE(tiers.heap->Pin(run).ok());
  CHECK(gate_open);
  opener.join();
  const Result<MoveResult> result = move.LetGo();
  CHECK(result.status().error() == ECANCELED);
  CHECK(tiers.heap->BackendOf(run).value() == tiers.memory);
  CHECK(IsFilled(tiers.AddressOf(run), 5));
}

TEST_CASE("a move that was never run is none") {
  if (!CanMove()) return;
  const Tiers tiers;
  for (const uint32_t from : {tiers.memory, tiers.file}) {
    const uint32_t to = from == tiers.memory ? tiers.file : tiers.memory;
    const uint32_t chunk = tiers.heap->Allocate(from, 1).value();
    LiveMove move = std::move(LiveMove::Begin(*tiers.heap, chunk, to).value());
    CHECK(move.Finish(*tiers.heap).status().error() == ECANCELED);
    CHECK(tiers.heap->BackendOf(chunk).value() == from);
    CHECK(tiers.Used(to) == 0);
    REQUIRE(tiers.heap->Free(chunk).ok());
    CHECK(tiers.Used(from) == 0);
  }
}

TEST_CASE("a watch that was replaced lifts no protection any more") {
  if (!CanMove()) return;
  // Answers late: the next watch must wait for it.
  class Slow final : public WriteWatch {
   public:
    bool OnWrite(const Userfaultfd& userfaultfd, std::byte* page) override {
      arrived = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      CHECK_FALSE(replaced);
      return userfaultfd.Unprotect(page, PageBytes()).ok();
    }
    std::atomic<bool> replaced = false;
  };
  const Tiers tiers;
  const Hooked hooked;
  std::byte* const chunk = tiers.AddressOf(tiers.heap->Allocate(tiers.memory, 1).value());
  FaultService& service = *FaultService::Get().value();
  auto slow = std::make_shared<Slow>();
  service.Watch(chunk, slow);
  REQUIRE(service.userfaultfd()
              .Register(chunk, kChunkBytes, {.missing = false, .write_protected = true})
              .ok());
  REQUIRE(service.userfaultfd().Protect(chunk, kChunkBytes).ok());
  std::thread writer([&] { *chunk = std::byte{1}; });
  while (!arrived) std::this_thread::yield();
  service.Watch(chunk, std::make_shared<Slow>());
  slow->replaced = true;
  writer.join();
  REQUIRE(service.userfaultfd().Unregister(chunk, kChunkBytes).ok());
  service.Unwatch(chunk);
}

TEST_CASE("a move cancelled before it began touches nothing and keeps the shadow") {
  if (!CanMove()) return;
  const Tiers tiers;
  const uint32_t chunk = tiers.heap->Allocate(tiers.file, 1).value();
  REQUIRE(tiers.Move(chunk, tiers.memory).ok());
  Result<LiveMove> move = LiveMove::Begin(*tiers.heap, chunk, tiers.file);
  REQUIRE(move.ok());
  REQUIRE(tiers.heap->CancelMove(chunk).ok());
  move.value().Run();
  CHECK(move.value().Finish(*tiers.heap).status().error() == ECANCELED);
  CHECK(tiers.heap->Stats(tiers.file).value().shadow_chunks == 1);
  CHECK(tiers.Move(chunk, tiers.file).value().copied_bytes == 0);
}

TEST_CASE("a run freed during its move goes when the move ends, and takes nothing along") {
  if (!CanMove()) return;
  const Tiers tiers;
  const uint32_t chunk = tiers.heap->Allocate(tiers.file, 1).value();
  StoppedMove move(tiers, chunk, tiers.memory, MovePoint::kHeldBack);
  REQUIRE(tiers.heap->Free(chunk).ok());
  REQUIRE(move.LetGo().ok());
  CHECK(tiers.Used(tiers.file) == 0);
  CHECK(tiers.Used(tiers.memory) == 0);
  CHECK(tiers.heap->Stats(tiers.file).value().shadow_chunks == 0);
}

TEST_CASE("a target without room is full before anything is held back") {
  if (!CanMove()) return;
  const Tiers tiers;
  const uint32_t chunk = tiers.heap->Allocate(tiers.memory, 1).value();
  REQUIRE(tiers.heap->Allocate(tiers.file, 4).ok());
  CHECK(LiveMove::Begin(*tiers.heap, chunk, tiers.file).status().code() == Code::kFull);
  CHECK_FALSE(tiers.heap->Moving(chunk));
}

TEST_CASE("without a full userfaultfd a live move is refused with the reason") {
  CHECK(WithSyscallRefused({.syscall_number = SYS_userfaultfd, .error = EPERM}, [] {
    if (access("/dev/userfaultfd", R_OK | W_OK) == 0) return true;
    const Tiers tiers;
    const uint32_t chunk = tiers.heap->Allocate(tiers.memory, 1).value();
    const Status refused = LiveMove::Begin(*tiers.heap, chunk, tiers.file).status();
    return refused.code() == Code::kNoPermission && refused.error() == EPERM &&
           tiers.Used(tiers.file) == 0;
  }));
}

}  // namespace memtiers
