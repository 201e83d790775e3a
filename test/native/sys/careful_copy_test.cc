#include "sys/careful_copy.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "lossy_file.h"
#include "refusing_kernel.h"
#include "sys/bus_fault.h"
#include "sys/mapping.h"

namespace memtiers {
namespace {

std::byte ByteAt(size_t i) { return static_cast<std::byte>(i * 31 + i / 256); }

std::vector<std::byte> Numbered(size_t bytes) {
  std::vector<std::byte> numbered(bytes);
  for (size_t i = 0; i < bytes; ++i) numbered[i] = ByteAt(i);
  return numbered;
}

std::span<std::byte> MapPages(size_t pages) {
  const size_t bytes = pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* const address =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(address != MAP_FAILED);
  return {static_cast<std::byte*>(address), bytes};
}

}  // namespace

TEST_CASE("bytes that are there are copied, however they lie") {
  const std::vector<std::byte> from = Numbered(3 * kMiB + 17);
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{4096}, from.size() - 5}) {
    std::vector<std::byte> to(bytes + 1, std::byte{99});
    CHECK(CopyCarefully(std::span(to).first(bytes), std::span(from).subspan(5, bytes)));
    CHECK(std::equal(to.begin(), to.end() - 1, from.begin() + 5));
    CHECK(to.back() == std::byte{99});
  }
}

TEST_CASE("bytes that are not there are told of, and those before them are copied") {
  const std::span<std::byte> from = MapPages(4);
  std::ranges::fill(from, std::byte{7});
  REQUIRE(munmap(from.data() + from.size() / 2, from.size() / 2) == 0);
  std::vector<std::byte> to(from.size());
  CHECK_FALSE(CopyCarefully(to, from));
  CHECK(to[from.size() / 2 - 1] == std::byte{7});
  CHECK(CopyCarefully(std::span(to).first(100), from.first(100)));
  REQUIRE(mprotect(from.data(), from.size() / 2, PROT_NONE) == 0);
  CHECK_FALSE(CopyCarefully(std::span(to).first(1), from.first(1)));
  REQUIRE(munmap(from.data(), from.size() / 2) == 0);
}

TEST_CASE("memory that goes while it is copied ends nothing but the copy") {
  std::vector<std::byte> to(8 * kMiB);
  for (int round = 0; round < 5; ++round) {
    const std::span<std::byte> from = MapPages(2048);
    std::ranges::fill(from, std::byte{1});
    std::atomic<bool> begun = false;
    std::thread other([&] {
      while (!begun) std::this_thread::yield();
      mprotect(from.data(), from.size(), PROT_NONE);
    });
    begun = true;
    while (CopyCarefully(to, from)) {
    }
    other.join();
    munmap(from.data(), from.size());
  }
}

TEST_CASE("where the kernel may not copy, bytes are copied as ever") {
  const std::vector<std::byte> from = Numbered(100'000);
  for (const int error : {EPERM, ENOSYS}) {
    CHECK(WithSyscallRefused({.syscall_number = SYS_process_vm_readv, .error = error}, [&] {
      std::vector<std::byte> to(from.size());
      return CopyCarefully(to, from) && to == from;
    }));
  }
}

TEST_CASE("a target whose memory is lost is for its guard to see to, and no lack of the source") {
  const LossyFile file(kChunkBytes);
  std::byte* const base = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
  const auto counter = std::make_shared<DamageCounter>(0);
  {
    const auto guard = std::move(BusFaultGuard::Guard(base, kChunkBytes, counter).value());
    REQUIRE(MapFile(base, kChunkBytes, {.fd = file.fd()}).ok());
    file.CutTo(64 * kKiB);
    const std::vector<std::byte> from = Numbered(128 * kKiB);
    CHECK(CopyCarefully({base, from.size()}, from));
    CHECK(std::equal(from.begin(), from.begin() + 64 * kKiB, base));
    CHECK(*counter > 0);
  }
  ReleaseAddressSpace(base, kChunkBytes);
}

}  // namespace memtiers
