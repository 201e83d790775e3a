#include "migrate/live_move.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "base/bytes.h"
#include "migrate/checked_words.h"
#include "migrate/stopped_moves.h"

namespace memtiers {

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
    HookedMoves::OpenGate();
  });
  REQUIRE(tiers.heap->Pin(run).ok());
  CHECK(HookedMoves::gate_open());
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

}  // namespace memtiers
