#include "sys/mapping.h"

#include <doctest/doctest.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "refusing_kernel.h"
#include "sys/backing_file.h"

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
