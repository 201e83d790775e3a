#include "memory/shadow.h"

#include <doctest/doctest.h>

#include <cstring>
#include <thread>

#include "base/bytes.h"
#include "migrate/live_move.h"
#include "migrate/stopped_moves.h"

namespace memtiers {

TEST_CASE(
    "a write noticed in an earlier life of the chunk lifts nothing before the shadow begins") {
  ShadowState shadow;
  int lifted = 0;
  const auto lift = [&] { return ++lifted > 0; };
  CHECK(shadow.OnWrite(lift) == ShadowState::Answer::kTryAgain);
  CHECK(lifted == 0);
  CHECK(shadow.clean());
  shadow.Begin();
  CHECK(shadow.OnWrite(lift) == ShadowState::Answer::kLifted);
  CHECK(lifted == 1);
  CHECK(!shadow.clean());
}

TEST_CASE(
    "a write that comes when the shadow's watch has begun waits, arrives and ends the shadow") {
  if (!CanMove()) return;
  const Tiers tiers;
  const uint32_t chunk = tiers.heap->Allocate(tiers.file, 1).value();
  std::byte* const address = tiers.AddressOf(chunk);
  Fill(address, 3);
  for (const MovePoint point : {MovePoint::kShadowing, MovePoint::kReplaced}) {
    CAPTURE(MovePointName(point));
    StoppedMove move(tiers, chunk, tiers.memory, point);
    std::thread writer([&] { address[kChunkBytes - 1] ^= std::byte{1}; });
    if (point == MovePoint::kReplaced) writer.join();
    REQUIRE(move.LetGo().ok());
    if (writer.joinable()) writer.join();
    const Result<MoveResult> back = tiers.Move(chunk, tiers.file);
    REQUIRE(back.ok());
    CHECK(back.value().copied_bytes >= kChunkBytes);
    address[kChunkBytes - 1] ^= std::byte{1};
    CHECK(IsFilled(address, 3));
  }
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

}  // namespace memtiers
