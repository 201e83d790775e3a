#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "child_process.h"
#include "lossy_file.h"
#include "memory/file_backend.h"
#include "memory/heap.h"
#include "memory/simulated_backend.h"
#include "refusing_kernel.h"
#include "sys/mapping.h"
#include "sys/probe.h"

namespace memtiers {
namespace {

constexpr uint64_t kCapacity = 4 * kChunkBytes;

// A heap with a file that can be cut off.
struct LossyHeap {
  std::unique_ptr<Heap> heap = std::move(Heap::Open(16 * kChunkBytes).value());
  uint32_t file =
      heap->AddBackend(
              std::move(FileBackend::Open({.directory = "/var/tmp", .capacity_bytes = kCapacity})
                            .value()),
              kCapacity)
          .value();
  UniqueFd backing = OpenLastUnnamedFile("/var/tmp");

  void CutTo(size_t bytes) const { REQUIRE(ftruncate(backing.get(), bytes) == 0); }
  std::byte* AddressOf(uint32_t first) const { return heap->RunAt(first).value().address; }
  HeapBackendStats Stats() const { return heap->Stats(file).value(); }
};

std::byte Read(const std::byte* address) {
  return *static_cast<const volatile std::byte*>(address);
}

// A device that is gone: what is cleared there for the user is lost at once.
class GoneBackend final : public Backend {
 public:
  BackendKind kind() const override { return BackendKind::kDax; }
  Result<MappedRun> Map(const MapRequest& request) override {
    const LossyFile file(request.chunks * kChunkBytes);
    Status mapped = MapFile(request.address, request.chunks * kChunkBytes, {.fd = file.fd()});
    if (!mapped.ok()) return mapped;
    file.CutTo(0);
    std::memset(request.address, 0, 1);
    return MappedRun{.address = request.address,
                     .backings = std::vector<Backing>(request.chunks, {.slot = 0})};
  }
  void Release(std::span<const Backing> backings) override { released_ += backings.size(); }
  void Retire(std::span<const Backing> backings) override { retired_ += backings.size(); }
  uint64_t retired_chunks() const override { return retired_; }
  Status Prefault(std::byte* /*address*/, size_t /*bytes*/) const override { return {}; }
  uint64_t released() const { return released_; }

 private:
  uint64_t released_ = 0;
  uint64_t retired_ = 0;
};

// A library that has its memory back: a fault there is its own from then on.
class LibraryBackend final : public Backend {
 public:
  BackendKind kind() const override { return BackendKind::kMemkind; }
  bool fixed_address() const override { return false; }
  Result<MappedRun> Map(const MapRequest& request) override {
    memory_ = ReserveAddressSpace(request.chunks * kChunkBytes, kChunkBytes).value();
    Status mapped = MapAnonymous(memory_, request.chunks * kChunkBytes);
    if (!mapped.ok()) return mapped;
    return MappedRun{.address = memory_, .backings = std::vector<Backing>(request.chunks)};
  }
  void Release(std::span<const Backing> /*backings*/) override {
    ReportMemoryError(memory_, BUS_MCEERR_AR, 12);
  }
  Status Prefault(std::byte* /*address*/, size_t /*bytes*/) const override { return {}; }

 private:
  std::byte* memory_ = nullptr;
};

}  // namespace

TEST_CASE("child: memory a library lent" * doctest::skip()) {
  const auto heap = std::move(Heap::Open(16 * kChunkBytes).value());
  const uint32_t library = heap->AddBackend(std::make_unique<LibraryBackend>(), kCapacity).value();
  const uint32_t first = heap->Allocate(library, 2).value();
  ReportMemoryError(heap->RunAt(first).value().address, BUS_MCEERR_AO, 12);
  _exit(heap->DamagedRanges().size() == 1 ? 46 : 1);
}

TEST_CASE("child: memory a library gets back" * doctest::skip()) {
  const auto heap = std::move(Heap::Open(16 * kChunkBytes).value());
  const uint32_t library = heap->AddBackend(std::make_unique<LibraryBackend>(), kCapacity).value();
  (void)heap->Free(heap->Allocate(library, 2).value());
  _exit(1);
}

TEST_CASE("a library's run is guarded until it is given back, and no longer") {
  const int held = RunTestCaseInChild("child: memory a library lent");
  CHECK(WIFEXITED(held));
  CHECK(WEXITSTATUS(held) == 46);
  const int given_back = RunTestCaseInChild("child: memory a library gets back");
  CHECK(WIFSIGNALED(given_back));
  CHECK(WTERMSIG(given_back) == SIGBUS);
}

TEST_CASE("lost bytes are named by chunk and counted; other runs are as they were") {
  const LossyHeap lossy;
  const uint32_t kept = lossy.heap->Allocate(lossy.file, 1).value();
  const uint32_t first = lossy.heap->Allocate(lossy.file, 2).value();
  std::memset(lossy.AddressOf(kept), 7, kChunkBytes);
  lossy.CutTo(2 * kChunkBytes);
  CHECK(lossy.heap->DamagedRanges().empty());
  const size_t at = kChunkBytes + 9 * PageBytes();
  CHECK(Read(lossy.AddressOf(first) + at) == std::byte{0});
  const std::vector<DamagedRange> damage = lossy.heap->DamagedRanges();
  REQUIRE(damage.size() == 1);
  CHECK(damage[0].chunk == first + 1);
  CHECK(damage[0].byte_offset == 9 * PageBytes());
  CHECK(damage[0].byte_length == PageBytes());
  CHECK(damage[0].cause == DamageCause::kLost);
  CHECK(lossy.heap->damage_counter()->load() == 1);
  CHECK(lossy.heap->CheckIntact(kept, 0, kChunkBytes).ok());
  CHECK(lossy.heap->CheckIntact(first, 0, at).ok());
  CHECK(lossy.heap->CheckIntact(first + 1, 10 * PageBytes(), PageBytes()).ok());
  const Status lost = lossy.heap->CheckIntact(first, at + 5, 1);
  CHECK(lost.code() == Code::kLost);
  CHECK(lost.what().starts_with("chunk " + std::to_string(first + 1) + ", "));
  CHECK(lossy.AddressOf(kept)[kChunkBytes - 1] == std::byte{7});
}

TEST_CASE("a freed run takes its damage along and leaves the place behind out of use") {
  const LossyHeap lossy;
  const uint32_t first = lossy.heap->Allocate(lossy.file, 2).value();
  lossy.CutTo(kChunkBytes);
  (void)Read(lossy.AddressOf(first) + kChunkBytes);
  REQUIRE(lossy.heap->Free(first).ok());
  CHECK(lossy.heap->DamagedRanges().empty());
  CHECK(lossy.Stats().retired_chunks == 1);
  CHECK(lossy.Stats().mapped_bytes == 0);
  CHECK(lossy.heap->Allocate(lossy.file, 4).status().code() == Code::kFull);
  const uint32_t again = lossy.heap->Allocate(lossy.file, 3).value();
  std::memset(lossy.AddressOf(again), 1, 3 * kChunkBytes);
  CHECK(lossy.heap->DamagedRanges().empty());
  CHECK(lossy.heap->damage_counter()->load() == 1);
}

TEST_CASE("a freed run in use keeps its damage until the use ends, and then retires its place") {
  const LossyHeap lossy;
  const uint32_t first = lossy.heap->Allocate(lossy.file, 1).value();
  lossy.heap->BeginUse(first);
  lossy.CutTo(0);
  std::byte* const address = lossy.AddressOf(first);
  REQUIRE(lossy.heap->Free(first).ok());
  CHECK(Read(address) == std::byte{0});
  CHECK(lossy.heap->DamagedRanges().empty());
  CHECK(lossy.heap->CheckIntact(first, 0, 1).code() == Code::kLost);
  lossy.heap->EndUse(first);
  CHECK(lossy.Stats().retired_chunks == 1);
}

TEST_CASE("plain memory that was poisoned is used again once it was freed") {
  const auto heap = std::move(Heap::Open(4 * kChunkBytes).value());
  const uint32_t memory =
      heap->AddBackend(std::move(SimulatedBackend::Open(std::nullopt).value()), kChunkBytes)
          .value();
  const uint32_t first = heap->Allocate(memory, 1).value();
  std::byte* const address = heap->RunAt(first).value().address;
  std::memset(address, 7, kChunkBytes);
  ReportMemoryError(address + PageBytes(), BUS_MCEERR_AR, 12);
  REQUIRE(heap->DamagedRanges().size() == 1);
  CHECK(heap->DamagedRanges()[0].cause == DamageCause::kPoison);
  CHECK(address[PageBytes()] == std::byte{0});
  CHECK(address[0] == std::byte{7});
  REQUIRE(heap->Free(first).ok());
  CHECK(heap->Stats(memory).value().retired_chunks == 0);
  CHECK(heap->Allocate(memory, 1).value() == first);
  CHECK(heap->DamagedRanges().empty());
}

TEST_CASE("a device that fails while chunks are cleared gives none") {
  const auto heap = std::move(Heap::Open(16 * kChunkBytes).value());
  auto gone = std::make_unique<GoneBackend>();
  const GoneBackend& device = *gone;
  const uint32_t backend = heap->AddBackend(std::move(gone), kCapacity).value();
  CHECK(heap->Allocate(backend, 2).status().code() == Code::kIo);
  CHECK(device.retired_chunks() == 1);
  CHECK(device.released() == 1);
  CHECK(heap->Stats(backend).value().mapped_bytes == 0);
  CHECK(heap->Stats(backend).value().refused_allocations == 1);
  CHECK(heap->DamagedRanges().empty());
  const uint32_t memory =
      heap->AddBackend(std::move(SimulatedBackend::Open(std::nullopt).value()), kCapacity).value();
  const uint32_t first = heap->Allocate(memory, 4).value();
  CHECK(heap->CheckIntact(first, 0, 4 * kChunkBytes).ok());
}

TEST_CASE("the counter outlives the heap") {
  std::shared_ptr<DamageCounter> counter;
  {
    const LossyHeap lossy;
    counter = lossy.heap->damage_counter();
    const uint32_t first = lossy.heap->Allocate(lossy.file, 1).value();
    lossy.CutTo(0);
    (void)Read(lossy.AddressOf(first));
  }
  CHECK(counter->load() == 1);
}

TEST_CASE("heaps know their own damage only") {
  const LossyHeap one;
  const LossyHeap other;
  const uint32_t first = one.heap->Allocate(one.file, 1).value();
  const uint32_t second = other.heap->Allocate(other.file, 1).value();
  other.CutTo(0);
  (void)Read(other.AddressOf(second));
  CHECK(one.heap->DamagedRanges().empty());
  CHECK(one.heap->damage_counter()->load() == 0);
  CHECK(one.heap->CheckIntact(first, 0, kChunkBytes).ok());
  CHECK(other.heap->DamagedRanges().size() == 1);
}

TEST_CASE("a chunk of a file is flushed, or its error told; plain memory is not durable") {
  const LossyHeap lossy;
  const uint32_t memory =
      lossy.heap->AddBackend(std::move(SimulatedBackend::Open(std::nullopt).value()), kCapacity)
          .value();
  const uint32_t first = lossy.heap->Allocate(lossy.file, 1).value();
  const uint32_t volatile_run = lossy.heap->Allocate(memory, 1).value();
  const Backend& file = lossy.heap->backend(lossy.file);
  std::byte* const address = lossy.AddressOf(first);
  std::memset(address, 3, kChunkBytes);
  CHECK(file.Flush(address, kChunkBytes).value());
  CHECK_FALSE(
      lossy.heap->backend(memory).Flush(lossy.AddressOf(volatile_run), kChunkBytes).value());
  CHECK(WithSyscallRefused({.syscall_number = SYS_msync, .error = EIO}, [&] {
    const Status first_failure = file.Flush(address, kChunkBytes).status();
    const Status later = file.Flush(address, kChunkBytes).status();
    // The second one no longer asks the kernel, which would know nothing of the first.
    return first_failure.code() == Code::kIo && first_failure.error() == EIO &&
           later.code() == Code::kIo && later.error() == 0;
  }));
}

TEST_CASE("a file that cannot be populated costs the target its place and is no loss of data") {
  CHECK(WithSyscallRefused({.syscall_number = SYS_madvise, .error = EHWPOISON}, [] {
    const std::unique_ptr<Backend> file = std::move(
        FileBackend::Open({.directory = "/tmp", .capacity_bytes = 2 * kChunkBytes}).value());
    std::byte* const address = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
    const MapRequest request = {.address = address, .chunks = 1, .populate = true};
    return file->Map(request).status().code() == Code::kIo && file->retired_chunks() == 1 &&
           file->Map(request).status().code() == Code::kIo && file->retired_chunks() == 2 &&
           file->Map(request).status().code() == Code::kFull;
  }));
}

}  // namespace memtiers
