#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>

#include "base/bytes.h"
#include "lossy_file.h"
#include "memory/file_backend.h"
#include "migrate/checked_words.h"
#include "migrate/live_move.h"
#include "migrate/stopped_moves.h"
#include "refusing_kernel.h"

namespace memtiers {
namespace {

constexpr uint64_t kCapacity = 4 * kChunkBytes;

// A file whose drive takes nothing any more, or nothing after so many writes.
class FailingFile final : public Backend {
 public:
  explicit FailingFile(Code code, int good_writes = 0) : code_(code), good_writes_(good_writes) {}
  BackendKind kind() const override { return BackendKind::kFile; }
  std::optional<std::string> drive_directory() const override { return "/var/tmp"; }
  Result<MappedRun> Map(const MapRequest& request) override { return file_->Map(request); }
  Status MapAgain(std::byte* address, const Backing& backing) const override {
    return file_->MapAgain(address, backing);
  }
  bool writes_unmapped() const override { return true; }
  Result<Backing> Obtain() override { return file_->Obtain(); }
  Status Write(const Backing& backing, size_t offset,
               std::span<const std::byte> bytes) const override {
    if (good_writes_-- > 0) return file_->Write(backing, offset, bytes);
    return {code_, "the drive"};
  }
  void Release(std::span<const Backing> backings) override { file_->Release(backings); }
  void Retire(std::span<const Backing> backings) override { file_->Retire(backings); }
  uint64_t retired_chunks() const override { return file_->retired_chunks(); }
  Status Prefault(std::byte* address, size_t bytes) const override {
    return file_->Prefault(address, bytes);
  }
  bool durable() const override { return file_->durable(); }

 private:
  Code code_;
  mutable std::atomic<int> good_writes_;
  std::unique_ptr<Backend> file_ =
      std::move(FileBackend::Open({.directory = "/var/tmp", .capacity_bytes = kCapacity}).value());
};

}  // namespace

TEST_CASE("a move that fails at any point leaves the chunk as it was, with writers going on") {
  if (!CanMove()) return;
  const HookedMoves hooked;
  const Tiers tiers;
  const uint32_t chunk = tiers.heap->Allocate(tiers.memory, 1).value();
  CheckedWords words(tiers.AddressOf(chunk), kChunkBytes);
  words.Start(2, 1);
  for (const uint32_t target : {tiers.file, tiers.memory}) {
    const uint32_t source = tiers.heap->BackendOf(chunk).value();
    for (const MovePoint point :
         {MovePoint::kPrepared, MovePoint::kCopied, MovePoint::kHeldBack, MovePoint::kRecopied}) {
      HookedMoves::FailAt(point);
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
    HookedMoves::FailAt(std::nullopt);
    REQUIRE(tiers.Move(chunk, target).ok());
  }
  // What fails after the new place is there is no failure of the move.
  for (const MovePoint point : {MovePoint::kReplaced, MovePoint::kLetGo, MovePoint::kShadowing}) {
    HookedMoves::FailAt(point);
    CHECK(tiers.Move(chunk, tiers.file).ok());
    CHECK(tiers.Move(chunk, tiers.memory).ok());
  }
  words.Stop();
  CHECK(words.lost() == 0);
}

TEST_CASE("a file that takes no bytes leaves a chunk that everybody uses as it was") {
  if (!CanMove()) return;
  const Tiers tiers;
  const uint32_t chunk = tiers.heap->Allocate(tiers.memory, 1).value();
  CheckedWords words(tiers.AddressOf(chunk), kChunkBytes);
  words.Start(1, 1);
  for (const Code code : {Code::kIo, Code::kFull}) {
    const uint32_t failing = tiers.Add(std::make_unique<FailingFile>(code));
    CHECK(tiers.Move(chunk, failing).status().code() == code);
    CHECK(tiers.heap->BackendOf(chunk).value() == tiers.memory);
    CHECK(tiers.Used(failing) == 0);
    // Only a place that is bad is not used again.
    CHECK(tiers.heap->Stats(failing).value().retired_chunks == (code == Code::kIo ? 1 : 0));
    const uint64_t writes = words.writes();
    while (words.writes() < writes + 1000) std::this_thread::yield();
  }
  words.Stop();
  CHECK(words.lost() == 0);
  CHECK(tiers.heap->DamagedRanges().empty());
}

TEST_CASE("a chunk's place in a file that fails on its way back is not used again") {
  if (!CanMove()) return;
  const Tiers tiers;
  const uint32_t failing = tiers.Add(std::make_unique<FailingFile>(Code::kIo));
  const uint32_t chunk = tiers.heap->Allocate(failing, 1).value();
  REQUIRE(tiers.Move(chunk, tiers.memory).ok());
  REQUIRE(tiers.heap->HasShadow(chunk));
  Fill(tiers.AddressOf(chunk), 7);
  CHECK(tiers.Move(chunk, failing).status().code() == Code::kIo);
  CHECK(IsFilled(tiers.AddressOf(chunk), 7));
  CHECK(tiers.Used(failing) == 0);
  CHECK(tiers.heap->Stats(failing).value().retired_chunks == 1);
}

TEST_CASE("what is written when a chunk is copied to a file does not wait for the drive") {
  if (!CanMove()) return;
  const Tiers tiers;
  // Takes the first copy; a write while writers wait would fail.
  const uint32_t file = tiers.Add(std::make_unique<FailingFile>(Code::kIo, 1));
  const uint32_t chunk = tiers.heap->Allocate(tiers.memory, 1).value();
  std::byte* const address = tiers.AddressOf(chunk);
  Fill(address, 3);
  StoppedMove move(tiers, chunk, file, MovePoint::kCopied);
  address[kChunkBytes - 1] ^= std::byte{1};
  REQUIRE(move.LetGo().ok());
  CHECK(tiers.heap->BackendOf(chunk).value() == file);
  address[kChunkBytes - 1] ^= std::byte{1};
  CHECK(IsFilled(address, 3));
}

TEST_CASE("nobody waits while a drive is asked for what it has lost") {
  if (!CanMove()) return;
  for (const bool to_memory : {true, false}) {
    CAPTURE(to_memory);
    const Tiers tiers;
    const uint32_t lossy = tiers.AddFile();
    const UniqueFd backing = OpenLastUnnamedFile("/var/tmp");
    REQUIRE(backing.valid());
    const uint32_t target = to_memory ? tiers.memory : tiers.file;
    const uint32_t chunk = tiers.heap->Allocate(lossy, 1).value();
    Fill(tiers.AddressOf(chunk), 3);
    REQUIRE(ftruncate(backing.get(), kChunkBytes - 4096) == 0);
    const HookedMoves hooked;
    CHECK(tiers.Move(chunk, target).status().code() == Code::kLost);
    CHECK_FALSE(HookedMoves::Reached(MovePoint::kHeldBack));
    CHECK(tiers.heap->BackendOf(chunk).value() == lossy);
    CHECK(tiers.Used(target) == 0);
    CHECK(tiers.heap->Stats(target).value().retired_chunks == 0);
    CHECK(tiers.heap->DamagedRanges().size() == 1);
  }
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
