#include "migrate/reback.h"

#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "full_disk.h"
#include "lossy_file.h"
#include "memory/file_backend.h"
#include "memory/node_memory.h"
#include "memory/numa_backend.h"
#include "memory/simulated_backend.h"
#include "refusing_kernel.h"
#include "sys/mapping.h"

namespace memtiers {
namespace {

constexpr uint64_t kCapacity = 8 * kChunkBytes;

std::unique_ptr<Heap> OpenHeap() { return std::move(Heap::Open(32 * kChunkBytes).value()); }

uint32_t AddSimulated(Heap& heap) {
  return heap.AddBackend(std::move(SimulatedBackend::Open(std::nullopt).value()), kCapacity)
      .value();
}

uint32_t AddFile(Heap& heap, const std::string& directory = "/tmp") {
  return heap
      .AddBackend(
          std::move(
              FileBackend::Open({.directory = directory, .capacity_bytes = kCapacity}).value()),
          kCapacity)
      .value();
}

uint32_t AddNuma(Heap& heap) {
  return heap.AddBackend(std::move(NumaBackend::Open(0).value()), kCapacity).value();
}

void Fill(std::byte* bytes, size_t length, uint32_t seed) {
  for (size_t i = 0; i < length; i += 8) {
    const uint64_t word = (i + 1) * 0x9e3779b97f4a7c15 ^ seed;
    std::memcpy(bytes + i, &word, sizeof word);
  }
}

bool IsFilled(const std::byte* bytes, size_t length, uint32_t seed) {
  for (size_t i = 0; i < length; i += 8) {
    const uint64_t word = (i + 1) * 0x9e3779b97f4a7c15 ^ seed;
    if (std::memcmp(bytes + i, &word, sizeof word) != 0) return false;
  }
  return true;
}

// Obtains memory and then fails, as a node that turns out to be full does.
class FailingBackend final : public Backend {
 public:
  BackendKind kind() const override { return BackendKind::kSimulated; }
  Result<MappedRun> Map(const MapRequest& request) override {
    (void)MapAnonymous(request.address, request.chunks * kChunkBytes);
    return Status(Code::kMisplaced, "nowhere");
  }
  void Release(std::span<const Backing> /*backings*/) override {}
  Status Prefault(std::byte* /*address*/, size_t /*bytes*/) const override { return {}; }
};

// Maps a device that is gone by the time somebody writes to it.
class VanishingBackend final : public Backend {
 public:
  explicit VanishingBackend(bool touches) : touches_(touches) {}
  BackendKind kind() const override { return BackendKind::kDax; }
  Result<MappedRun> Map(const MapRequest& request) override {
    const LossyFile file(kChunkBytes);
    Status mapped = MapFile(request.address, kChunkBytes, {.fd = file.fd()});
    if (!mapped.ok()) return mapped;
    file.CutTo(0);
    // How pages are brought in where the kernel cannot be asked to.
    if (touches_) TouchForRead(request.address, kChunkBytes);
    return MappedRun{.address = request.address, .backings = {{.slot = 0}}};
  }
  void Release(std::span<const Backing> /*backings*/) override {}
  void Retire(std::span<const Backing> backings) override { retired_ += backings.size(); }
  uint64_t retired_chunks() const override { return retired_; }
  Status Prefault(std::byte* /*address*/, size_t /*bytes*/) const override { return {}; }

 private:
  bool touches_;
  uint64_t retired_ = 0;
};

// Counts what it holds, to see that nothing is lost when a later step fails.
class CountingBackend final : public Backend {
 public:
  explicit CountingBackend(int& held) : held_(held) {}
  BackendKind kind() const override { return BackendKind::kSimulated; }
  Result<MappedRun> Map(const MapRequest& request) override {
    Status mapped = MapAnonymous(request.address, request.chunks * kChunkBytes);
    if (!mapped.ok()) return mapped;
    held_ += static_cast<int>(request.chunks);
    return MappedRun{.address = request.address, .backings = std::vector<Backing>(request.chunks)};
  }
  void Release(std::span<const Backing> backings) override {
    held_ -= static_cast<int>(backings.size());
  }
  Status Prefault(std::byte* /*address*/, size_t /*bytes*/) const override { return {}; }

 private:
  int& held_;
};

}  // namespace

TEST_CASE("contents, address and neighbours are kept between all pairs of backends") {
  const auto heap = OpenHeap();
  const uint32_t kinds[] = {AddSimulated(*heap), AddFile(*heap), AddNuma(*heap)};
  for (const uint32_t from : kinds) {
    for (const uint32_t to : kinds) {
      CAPTURE(from);
      CAPTURE(to);
      const uint32_t first = heap->Allocate(from, 3).value();
      std::byte* const address = heap->RunAt(first).value().address;
      Fill(address, 3 * kChunkBytes, from * 10 + to);
      const Result<MoveResult> there = RebackChunk(*heap, first + 1, to);
      REQUIRE(there.ok());
      CHECK(there.value().applied == 1);
      CHECK(there.value().copied_bytes == kChunkBytes);
      CHECK(heap->BackendOf(first).value() == from);
      CHECK(heap->BackendOf(first + 1).value() == to);
      CHECK(IsFilled(address, 3 * kChunkBytes, from * 10 + to));
      Fill(address, 3 * kChunkBytes, 99);
      REQUIRE(RebackChunk(*heap, first + 1, from).ok());
      CHECK(IsFilled(address, 3 * kChunkBytes, 99));
      REQUIRE(heap->Free(first).ok());
    }
  }
  for (const uint32_t backend : kinds) CHECK(heap->Stats(backend).value().mapped_bytes == 0);
}

TEST_CASE("a target that fails in the middle leaves the chunk as it was") {
  const auto heap = OpenHeap();
  const uint32_t memory = AddSimulated(*heap);
  const uint32_t broken = heap->AddBackend(std::make_unique<FailingBackend>(), kCapacity).value();
  const uint32_t first = heap->Allocate(memory, 1).value();
  std::byte* const address = heap->RunAt(first).value().address;
  Fill(address, kChunkBytes, 1);
  CHECK(RebackChunk(*heap, first, broken).status().code() == Code::kMisplaced);
  CHECK(IsFilled(address, kChunkBytes, 1));
  CHECK(heap->BackendOf(first).value() == memory);
  CHECK(heap->Stats(memory).value().mapped_bytes == kChunkBytes);
  CHECK(heap->Stats(broken).value().mapped_bytes == 0);
  CHECK(heap->Stats(broken).value().refused_allocations == 1);
}

TEST_CASE("a swap the kernel refuses leaves the chunk as it was and the target empty") {
  CHECK(WithSyscallRefused({.syscall_number = SYS_mremap, .error = ENOMEM}, [] {
    int held = 0;
    const auto heap = OpenHeap();
    const uint32_t memory = AddFile(*heap);
    const uint32_t target =
        heap->AddBackend(std::make_unique<CountingBackend>(held), kCapacity).value();
    const uint32_t first = heap->Allocate(memory, 1).value();
    std::byte* const address = heap->RunAt(first).value().address;
    Fill(address, kChunkBytes, 1);
    const Status status = RebackChunk(*heap, first, target).status();
    return status.code() == Code::kFull && status.error() == ENOMEM && held == 0 &&
           IsFilled(address, kChunkBytes, 1) && heap->BackendOf(first).value() == memory;
  }));
}

TEST_CASE("a full disk and a full budget leave the chunk as it was") {
  const FullDisk disk(kChunkBytes / 2);
  const auto heap = OpenHeap();
  const uint32_t memory = AddSimulated(*heap);
  const uint32_t tiny =
      heap->AddBackend(std::move(SimulatedBackend::Open(std::nullopt).value()), 0).value();
  const uint32_t first = heap->Allocate(memory, 1).value();
  std::byte* const address = heap->RunAt(first).value().address;
  Fill(address, kChunkBytes, 1);
  CHECK(RebackChunk(*heap, first, tiny).status().code() == Code::kFull);
  if (disk.mounted()) {
    const uint32_t full = AddFile(*heap, disk.path());
    CHECK(RebackChunk(*heap, first, full).status().code() == Code::kFull);
  }
  CHECK(IsFilled(address, kChunkBytes, 1));
  CHECK(heap->BackendOf(first).value() == memory);
}

TEST_CASE("a chunk that lost bytes, before or during the copy, is not copied") {
  const auto heap = OpenHeap();
  const uint32_t memory = AddSimulated(*heap);
  const uint32_t file = AddFile(*heap);
  const UniqueFd backing = OpenLastUnnamedFile("/tmp");
  REQUIRE(backing.valid());
  const uint32_t first = heap->Allocate(file, 2).value();
  std::byte* const address = heap->RunAt(first).value().address;
  Fill(address, 2 * kChunkBytes, 1);
  REQUIRE(ftruncate(backing.get(), kChunkBytes + kChunkBytes / 2) == 0);
  // Whether the kernel or this thread is the one to find out, and again when it is known.
  for (const uint32_t target : {AddFile(*heap, "/var/tmp"), memory, memory}) {
    CHECK(RebackChunk(*heap, first + 1, target).status().code() == Code::kLost);
    CHECK(heap->BackendOf(first + 1).value() == file);
    CHECK(heap->Stats(target).value().mapped_bytes == 0);
    CHECK(heap->Stats(target).value().retired_chunks == 0);
    CHECK(IsFilled(address, kChunkBytes + kChunkBytes / 2, 1));
  }
  // Known damage comes before anything the target could say.
  const uint32_t tiny =
      heap->AddBackend(std::move(SimulatedBackend::Open(std::nullopt).value()), 0).value();
  CHECK(RebackChunk(*heap, first + 1, tiny).status().code() == Code::kLost);
  const std::vector<DamagedRange> damage = heap->DamagedRanges();
  REQUIRE(damage.size() == 1);
  CHECK(damage[0].chunk == first + 1);
  CHECK(damage[0].byte_offset == kChunkBytes / 2);
  CHECK(damage[0].byte_length == kChunkBytes / 2);
  CHECK(RebackChunk(*heap, first, memory).ok());
  CHECK(IsFilled(address, kChunkBytes, 1));
}

TEST_CASE("a target that is lost before or during the copy leaves the chunk as it was") {
  for (const bool touches : {false, true}) {
    CAPTURE(touches);
    const auto heap = OpenHeap();
    const uint32_t memory = AddSimulated(*heap);
    auto broken = std::make_unique<VanishingBackend>(touches);
    const VanishingBackend& held = *broken;
    const uint32_t target = heap->AddBackend(std::move(broken), kCapacity).value();
    const uint32_t first = heap->Allocate(memory, 1).value();
    std::byte* const address = heap->RunAt(first).value().address;
    Fill(address, kChunkBytes, 1);
    CHECK(RebackChunk(*heap, first, target).status().code() == Code::kIo);
    // Its place is not used again.
    CHECK(held.retired_chunks() == 1);
    CHECK(heap->BackendOf(first).value() == memory);
    CHECK(heap->DamagedRanges().empty());
    CHECK(IsFilled(address, kChunkBytes, 1));
  }
}

TEST_CASE("a file that takes no bytes leaves the chunk as it was, and is not used there again") {
  for (const int error : {EIO, ENOSPC}) {
    CAPTURE(error);
    CHECK(WithSyscallRefused({.syscall_number = SYS_pwrite64, .error = error}, [error] {
      const auto heap = OpenHeap();
      const uint32_t memory = AddSimulated(*heap);
      const uint32_t file = AddFile(*heap);
      const uint32_t first = heap->Allocate(memory, 1).value();
      std::byte* const address = heap->RunAt(first).value().address;
      Fill(address, kChunkBytes, 1);
      const Status status = RebackChunk(*heap, first, file).status();
      return status.error() == error && status.code() == (error == EIO ? Code::kIo : Code::kFull) &&
             heap->BackendOf(first).value() == memory && IsFilled(address, kChunkBytes, 1) &&
             heap->DamagedRanges().empty() && heap->Stats(file).value().mapped_bytes == 0 &&
             heap->Stats(file).value().retired_chunks == (error == EIO ? 1 : 0);
    }));
  }
}

TEST_CASE("a run in use is busy, a chunk of no run invalid") {
  const auto heap = OpenHeap();
  const uint32_t memory = AddSimulated(*heap);
  const uint32_t file = AddFile(*heap);
  const uint32_t first = heap->Allocate(memory, 1).value();
  heap->BeginUse(first);
  CHECK(RebackChunk(*heap, first, file).status().code() == Code::kBusy);
  heap->EndUse(first);
  CHECK(RebackChunk(*heap, first, file).ok());
  CHECK(RebackChunk(*heap, first + 1, file).status().code() == Code::kInvalid);
  CHECK(RebackChunk(*heap, first, 9).status().code() == Code::kInvalid);
  heap->Close();
  CHECK(RebackChunk(*heap, first, file).status().code() == Code::kClosed);
}

}  // namespace memtiers
