#include "pool/pool_file.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "full_disk.h"
#include "pool/checksum.h"
#include "pool/superblock.h"
#include "pool_place.h"
#include "sys/mapping.h"

namespace memtiers {
namespace {

Code OpenCode(const PoolPlaceForTest& place) {
  return PoolFile::Open(place.place()).status().code();
}

void Overwrite(const PoolPlaceForTest& place, uint64_t offset, const std::string& bytes) {
  REQUIRE(pwrite(place.fd(), bytes.data(), bytes.size(), static_cast<off_t>(offset)) ==
          static_cast<ssize_t>(bytes.size()));
}

// As a superblock of that content is written, whatever its content.
Superblock Reformat(const PoolPlaceForTest& place, void (*change)(Superblock& superblock)) {
  const auto file = PoolFile::Open(place.place()).value();
  Superblock superblock = file->superblock();
  change(superblock);
  WriteSuperblocks(file->memory().base(), superblock);
  return superblock;
}

}  // namespace

TEST_CASE("a pool keeps its sizes, name and identity until it is opened again") {
  const PoolPlaceForTest place;
  PoolFormat format = SmallPool();
  format.name = "shared things";
  format.failure_domain = "rack 7";
  const std::array<uint8_t, 16> uuid = MakePool(place, format)->superblock().uuid;
  const auto file = PoolFile::Open(place.place()).value();
  CHECK(file->superblock().sizes == format.sizes);
  CHECK(file->superblock().uuid == uuid);
  CHECK(std::string(file->superblock().name.data()) == format.name);
  CHECK(std::string(file->superblock().failure_domain.data()) == format.failure_domain);
  CHECK(MakePool(PoolPlaceForTest(), format)->superblock().uuid != uuid);
  format.name = std::string(64, 'n');
  CHECK(PoolFile::Create(PoolPlaceForTest().place(), format).status().code() == Code::kInvalid);
}

TEST_CASE("what is no pool is refused and left as it was") {
  const PoolPlaceForTest empty;
  CHECK(OpenCode(empty) == Code::kUnavailable);
  CHECK(PoolFile::Open({.path = "/dev/shm/no such file", .lock_path = {}}).status().code() ==
        Code::kUnavailable);
  CHECK_FALSE(PoolFile::Open({.path = "/dev/shm", .lock_path = {}}).ok());

  const PoolPlaceForTest foreign;
  Overwrite(foreign, 0, "precious");
  REQUIRE(ftruncate(foreign.fd(), kMiB) == 0);
  CHECK(OpenCode(foreign) == Code::kUnavailable);
  CHECK(PoolFile::Create(foreign.place(), SmallPool()).status().code() == Code::kBusy);
  CHECK(PoolFile::Destroy(foreign.place()).code() == Code::kUnavailable);
  char kept[8];
  REQUIRE(pread(foreign.fd(), kept, 8, 0) == 8);
  CHECK(std::memcmp(kept, "precious", 8) == 0);

  const PoolPlaceForTest small;
  Overwrite(small, 0, "precious");
  CHECK(PoolFile::Create(small.place(), SmallPool()).status().code() == Code::kBusy);
  CHECK(lseek(small.fd(), 0, SEEK_END) == 8);
}

TEST_CASE("a pool is not made where there is one, unless that is asked for and nobody is in") {
  const PoolPlaceForTest place;
  auto file = MakePool(place, SmallPool());
  CHECK(PoolFile::Create(place.place(), SmallPool()).status().code() == Code::kBusy);
  PoolFormat again = SmallPool();
  again.overwrite = true;
  auto member = JoinPool(file);
  CHECK(PoolFile::Create(place.place(), again).status().code() == Code::kBusy);
  CHECK(PoolFile::Destroy(place.place()).code() == Code::kBusy);
  REQUIRE(member->Put("k", PatternFor(1, 100)).ok());
  member.reset();
  const auto anew = MakePool(place, again);
  CHECK_FALSE(JoinPool(anew)->Get("k").value().has_value());
  CHECK(Pool::Join(file).status().code() == Code::kClosed);  // it was another pool
  CHECK(PoolFile::Destroy(place.place()).ok());
  CHECK(Pool::Join(anew).status().code() == Code::kClosed);
  CHECK(OpenCode(place) == Code::kUnavailable);
}

TEST_CASE("a pool that was cut off is told, before anything of it is touched") {
  const PoolPlaceForTest place;
  MakePool(place, SmallPool());
  REQUIRE(ftruncate(place.fd(), 300 * kKiB) == 0);
  CHECK(OpenCode(place) == Code::kLost);
  REQUIRE(ftruncate(place.fd(), 100) == 0);
  CHECK(OpenCode(place) == Code::kUnavailable);
}

TEST_CASE("a half-written pool is none, and is made again when that is asked for") {
  const PoolPlaceForTest place;
  MakePool(place, SmallPool());
  const std::string no_magic(8, '\0');
  Overwrite(place, 0, no_magic);
  CHECK(PoolFile::Open(place.place()).ok());  // the copy was there first
  Overwrite(place, kSuperblockBytes, no_magic);
  const Status status = PoolFile::Open(place.place()).status();
  CHECK(status.code() == Code::kUnavailable);
  CHECK(status.what().find("interrupted") != std::string::npos);
  CHECK(PoolFile::Create(place.place(), SmallPool()).status().code() == Code::kBusy);
  PoolFormat again = SmallPool();
  again.overwrite = true;
  CHECK(PoolFile::Create(place.place(), again).ok());
}

TEST_CASE("one damaged superblock is made good by the other, two are an error") {
  const PoolPlaceForTest place;
  MakePool(place, SmallPool());
  Overwrite(place, 100, "x");
  {
    const auto file = PoolFile::Open(place.place()).value();
    CHECK_FALSE(file->SuperblocksAreGood());
    file->RestoreSuperblocks();
    CHECK(file->SuperblocksAreGood());
  }
  Overwrite(place, 100, "x");
  Overwrite(place, kSuperblockBytes + 100, "x");
  CHECK(OpenCode(place) == Code::kLost);
}

TEST_CASE("pools of other versions and with unknown features are refused by name") {
  const PoolPlaceForTest place;
  const auto refuses = [&](void (*change)(Superblock& superblock), const char* names) {
    MakePool(place, [] {
      PoolFormat format = SmallPool();
      format.overwrite = true;
      return format;
    }());
    Reformat(place, change);
    const Status status = PoolFile::Open(place.place()).status();
    CHECK(status.code() == Code::kUnavailable);
    CHECK_MESSAGE(status.what().find(names) != std::string::npos, status.what());
  };
  refuses([](Superblock& s) { s.version = 2; }, "version 2");
  refuses([](Superblock& s) { s.incompatible = 1; }, "features");
  refuses([](Superblock& s) { s.read_only_compatible = 1; }, "features");
  refuses([](Superblock& s) { s.coherence = static_cast<PoolCoherence>(9); }, "coherence");
  MakePool(place, [] {
    PoolFormat format = SmallPool();
    format.overwrite = true;
    return format;
  }());
  Reformat(place, [](Superblock& s) { s.compatible = 1; });
  CHECK(PoolFile::Open(place.place()).ok());
}

TEST_CASE("sizes that do not fit each other are refused before anything is made") {
  const auto code = [](void (*change)(PoolSizes& sizes)) {
    PoolFormat format = SmallPool();
    change(format.sizes);
    return PoolFile::Create(PoolPlaceForTest().place(), format).status().code();
  };
  CHECK(code([](PoolSizes& s) { s.extent_bytes = 12345; }) == Code::kInvalid);
  CHECK(code([](PoolSizes& s) { s.extent_bytes = 4096; }) == Code::kInvalid);
  CHECK(code([](PoolSizes& s) { s.members = 0; }) == Code::kInvalid);
  CHECK(code([](PoolSizes& s) { s.members = 1000; }) == Code::kInvalid);
  CHECK(code([](PoolSizes& s) { s.holds = 3; }) == Code::kInvalid);
  CHECK(code([](PoolSizes& s) { s.shards = 3; }) == Code::kInvalid);
  CHECK(code([](PoolSizes& s) { s.shard_slots = 100; }) == Code::kInvalid);
  CHECK(code([](PoolSizes& s) { s.capacity_bytes = 10000; }) == Code::kInvalid);
  CHECK(code([](PoolSizes& s) { s.capacity_bytes = ~uint64_t{0}; }) == Code::kInvalid);
}

TEST_CASE("a pool that the file system has no room for leaves nothing behind") {
  const FullDisk disk(1 * kMiB);
  if (!disk.mounted()) return;
  PoolFormat format = SmallPool();
  format.sizes.capacity_bytes = 4 * kMiB;
  const std::string path = disk.path() + "/pool";
  CHECK(PoolFile::Create({.path = path, .lock_path = {}}, format).status().code() == Code::kFull);
  format.sizes.capacity_bytes = 512 * kKiB;
  CHECK(PoolFile::Create({.path = path, .lock_path = {}}, format).ok());
}

TEST_CASE("size classes lose little, and every one fits its extent") {
  const PoolLayout layout = PoolLayout::Of({.capacity_bytes = 64 * kMiB}).value();
  for (size_t i = 0; i < layout.class_count(); ++i) {
    const uint64_t end = layout.FirstSlot(i) + uint64_t{layout.SlotCount(i)} * layout.SlotBytes(i);
    CHECK(end <= kChunkBytes);
    CHECK(layout.SlotCount(i) >= 1);
    CHECK(layout.SlotCount(i) <= layout.FirstSlot(i) * 8);
    CHECK(layout.ClassFor(layout.SlotBytes(i)) == i);
    if (i > 0) CHECK(layout.SlotBytes(i) > layout.SlotBytes(i - 1));
  }
  CHECK(layout.class_count() < kRunClass);
  CHECK(layout.ClassFor(kChunkBytes) == kRunClass);
  CHECK(layout.RunExtents(kChunkBytes) == 2);
}

TEST_CASE("CRC-32C is the known one, with and without the instruction") {
  const std::string text = "123456789";
  const auto bytes = std::as_bytes(std::span(text));
  CHECK(Crc32c(bytes) == 0xe3069283);
  CHECK(Crc32cByTable(bytes) == 0xe3069283);
  const std::vector<std::byte> pattern = PatternFor(3, 1003);
  for (size_t from = 0; from < 20; ++from) {
    const auto part = std::span(pattern).subspan(from, 900 + from * 3);
    CHECK(Crc32c(part) == Crc32cByTable(part));
    CHECK(Crc32c(part.subspan(100), Crc32c(part.first(100))) == Crc32c(part));
  }
}

}  // namespace memtiers
