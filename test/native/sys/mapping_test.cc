#include "sys/mapping.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "lossy_file.h"
#include "refusing_kernel.h"
#include "sys/backing_file.h"
#include "sys/probe.h"
#include "sys/text_file.h"

namespace memtiers {

TEST_CASE("a reservation is aligned and becomes memory and a reservation again") {
  std::byte* base = ReserveAddressSpace(4 * kChunkBytes, kChunkBytes).value();
  CHECK(IsAligned(reinterpret_cast<uintptr_t>(base), kChunkBytes));
  REQUIRE(MapAnonymous(base, kChunkBytes).ok());
  std::memset(base, 1, kChunkBytes);
  REQUIRE(MapReserved(base, kChunkBytes).ok());
  REQUIRE(MapAnonymous(base, kChunkBytes).ok());
  CHECK(base[kChunkBytes - 1] == std::byte{0});
  ReleaseAddressSpace(base, 4 * kChunkBytes);
}

TEST_CASE("more address space than there is cannot be reserved") {
  CHECK(ReserveAddressSpace(size_t{1} << 60, kChunkBytes).status().code() == Code::kFull);
}

TEST_CASE("a moved mapping replaces the one at the target and keeps its bytes") {
  std::byte* from = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
  std::byte* to = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
  REQUIRE(MapAnonymous(from, kChunkBytes).ok());
  REQUIRE(MapAnonymous(to, kChunkBytes).ok());
  std::memset(from, 2, kChunkBytes);
  std::memset(to, 3, kChunkBytes);
  REQUIRE(MoveMapping(from, to, kChunkBytes).ok());
  CHECK(to[0] == std::byte{2});
  CHECK(to[kChunkBytes - 1] == std::byte{2});
  ReleaseAddressSpace(to, kChunkBytes);
}

TEST_CASE("a file's bytes appear where it is mapped and outlive the mapping") {
  const UniqueFd fd = std::move(OpenUnnamedFile("/tmp").value());
  REQUIRE(AllocateRange(fd.get(), 0, 2 * kChunkBytes).ok());
  std::byte* base = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
  REQUIRE(MapFile(base, kChunkBytes, {.fd = fd.get(), .offset = kChunkBytes}).ok());
  base[17] = std::byte{42};
  REQUIRE(MapReserved(base, kChunkBytes).ok());
  REQUIRE(MapFile(base, kChunkBytes, {.fd = fd.get(), .offset = kChunkBytes}).ok());
  CHECK(base[17] == std::byte{42});
  ReleaseAddressSpace(base, kChunkBytes);
}

TEST_CASE("populating what is gone from the file says so instead of raising a signal") {
  const LossyFile file(kChunkBytes);
  std::byte* const base = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
  REQUIRE(MapFile(base, kChunkBytes, {.fd = file.fd()}).ok());
  CHECK(PopulateRead(base, kChunkBytes).ok());
  file.CutTo(kChunkBytes / 2);
  CHECK(PopulateRead(base, kChunkBytes / 2).ok());
  CHECK(PopulateRead(base, kChunkBytes).code() == Code::kLost);
  CHECK(PopulateWrite(base, kChunkBytes).code() == Code::kLost);
  CHECK(PopulateWrite(base, kChunkBytes).error() == EFAULT);
  ReleaseAddressSpace(base, kChunkBytes);
}

TEST_CASE("what is gone or unmapped can be asked for without a signal") {
  if (!CanPopulate()) return;
  const LossyFile file(kChunkBytes);
  std::byte* const base = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
  REQUIRE(MapFile(base, kChunkBytes, {.fd = file.fd()}).ok());
  CHECK(PopulateReadIfMapped(base, kChunkBytes).ok());
  file.CutTo(kChunkBytes / 2);
  CHECK(PopulateReadIfMapped(base, kChunkBytes / 2).ok());
  CHECK(PopulateReadIfMapped(base, kChunkBytes).code() == Code::kLost);
  REQUIRE(MapReserved(base, kChunkBytes).ok());
  CHECK(PopulateReadIfMapped(base, kChunkBytes).code() == Code::kInvalid);
  StartReading(base, kChunkBytes);
  ReleaseAddressSpace(base, kChunkBytes);
}

TEST_CASE("the pages asked for are read without waiting for them, and no others") {
  const UniqueFd fd = std::move(OpenUnnamedFile("/tmp").value());
  REQUIRE(AllocateRange(fd.get(), 0, kChunkBytes).ok());
  std::byte* const base = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
  REQUIRE(MapFile(base, kChunkBytes, {.fd = fd.get()}).ok());
  const size_t page = PageBytes();
  std::vector<unsigned char> resident(kChunkBytes / page);
  const auto count_resident = [&](size_t from, size_t bytes) {
    REQUIRE(mincore(base, kChunkBytes, resident.data()) == 0);
    const auto first = resident.begin() + static_cast<ptrdiff_t>(from / page);
    return std::count_if(first, first + static_cast<ptrdiff_t>(bytes / page),
                         [](unsigned char state) { return (state & 1) != 0; });
  };
  // A file system in memory has them all, always.
  if (count_resident(0, kChunkBytes) == 0) {
    StartReading(base + kMiB, 16 * page);
    for (int tries = 0; count_resident(kMiB, 16 * page) < 16 && tries < 1000; ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    CHECK(count_resident(kMiB, 16 * page) == 16);
    CHECK(count_resident(0, kMiB) == 0);
    const auto all = static_cast<ptrdiff_t>(kChunkBytes / page);
    StartReading(base, kChunkBytes);
    for (int tries = 0; count_resident(0, kChunkBytes) < all && tries < 1000; ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    CHECK(count_resident(0, kChunkBytes) == all);
  }
  ReleaseAddressSpace(base, kChunkBytes);
}

TEST_CASE("what a mapped file holds is written out, and a drive that fails is heard") {
  const UniqueFd fd = std::move(OpenUnnamedFile("/tmp").value());
  REQUIRE(AllocateRange(fd.get(), 0, kChunkBytes).ok());
  std::byte* const base = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
  REQUIRE(MapFile(base, kChunkBytes, {.fd = fd.get()}).ok());
  std::memset(base, 1, kChunkBytes);
  CHECK(SyncMapping(base, kChunkBytes).ok());
  CHECK(WithSyscallRefused({.syscall_number = SYS_msync, .error = EIO}, [&] {
    const Status status = SyncMapping(base, kChunkBytes);
    return status.code() == Code::kIo && status.error() == EIO;
  }));
  ReleaseAddressSpace(base, kChunkBytes);
}

TEST_CASE("small pages are what a range is populated with until huge ones are asked for again") {
  // Whether the kernel was told to keep huge pages out of the range, and bytes it has in them.
  const auto state = [](const std::byte* address) {
    std::ostringstream start;
    start << std::hex << reinterpret_cast<uintptr_t>(address) << '-';
    std::istringstream lines(ReadTextFile("/proc/self/smaps").value());
    std::pair<bool, std::string> found;
    bool here = false;
    for (std::string line; std::getline(lines, line);) {
      if (line.find(" kB") == std::string::npos && line.find('-') < line.find(' ')) {
        here = line.starts_with(start.str());
      }
      if (here && line.starts_with("AnonHugePages:")) found.second = line.substr(14);
      if (here && line.starts_with("VmFlags:")) found.first = line.find(" nh") != std::string::npos;
    }
    return found;
  };
  if (!PathExists("/sys/kernel/mm/transparent_hugepage")) return;
  std::byte* base = ReserveAddressSpace(2 * kChunkBytes, kChunkBytes).value();
  REQUIRE(MapAnonymous(base, kChunkBytes).ok());
  AdviseHugePages(base, kChunkBytes);
  CHECK_FALSE(state(base).first);
  AdviseSmallPages(base, kChunkBytes);
  REQUIRE(PopulateWrite(base, kChunkBytes).ok());
  CHECK(state(base).first);
  CHECK(state(base).second.find(" 0 kB") != std::string::npos);
  AdviseHugePages(base, kChunkBytes);
  CHECK_FALSE(state(base).first);
  ReleaseAddressSpace(base, 2 * kChunkBytes);
}

TEST_CASE("populating changes no byte") {
  std::byte* base = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
  REQUIRE(MapAnonymous(base, kChunkBytes).ok());
  base[5] = std::byte{9};
  CHECK(PopulateWrite(base, kChunkBytes).ok());
  CHECK(PopulateRead(base, kChunkBytes).ok());
  CHECK(base[5] == std::byte{9});
  ReleaseAddressSpace(base, kChunkBytes);
}

TEST_CASE("populating works on kernels that do not know the advice") {
  CHECK(WithSyscallRefused({.syscall_number = SYS_madvise, .error = EINVAL}, [] {
    std::byte* base = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
    if (!MapAnonymous(base, kChunkBytes).ok()) return false;
    base[5] = std::byte{9};
    return PopulateWrite(base, kChunkBytes).ok() && PopulateRead(base, kChunkBytes).ok() &&
           base[5] == std::byte{9};
  }));
}

TEST_CASE("the limit on mappings is known") { CHECK(MaxMappings() >= 1000); }

}  // namespace memtiers
