#include "pool_place.h"

#include <doctest/doctest.h>

#include "sys/backing_file.h"
#include "sys/dax_device.h"

namespace memtiers {

PoolFormat TinyPool() {
  PoolFormat format;
  format.sizes = {.capacity_bytes = 160 * kKiB,
                  .extent_bytes = 16 * kKiB,
                  .members = 4,
                  .holds = 8,
                  .shards = 2,
                  .shard_slots = 16};
  format.uuid = {1, 2, 3, 4, 5, 6, 7, 8, 9};  // the same keys meet in the same shards
  return format;
}

PoolFormat SmallPool() {
  PoolFormat format;
  format.sizes = {.capacity_bytes = 512 * kKiB,
                  .extent_bytes = 16 * kKiB,
                  .members = 8,
                  .holds = 64,
                  .shards = 2,
                  .shard_slots = 64};
  return format;
}

PoolPlaceForTest::PoolPlaceForTest(const std::string& directory) {
  if (IsCharacterDevice(directory)) {
    path_ = directory;
    return;
  }
  Result<UniqueFd> file = OpenUnnamedFile(directory);
  REQUIRE(file.ok());
  fd_ = std::move(file.value());
  path_ = "/proc/self/fd/" + std::to_string(fd_.get());
}

std::shared_ptr<const PoolFile> MakePool(const PoolPlaceForTest& place, const PoolFormat& format) {
  PoolFormat own = format;
  own.overwrite = own.overwrite || place.is_device();
  Result<std::shared_ptr<const PoolFile>> file = PoolFile::Create(place.place(), own);
  REQUIRE_MESSAGE(file.ok(), file.status().what());
  return file.value();
}

std::unique_ptr<Pool> JoinPool(const std::shared_ptr<const PoolFile>& file,
                               const PoolOptions& options) {
  Result<std::unique_ptr<Pool>> pool = Pool::Join(file, options);
  REQUIRE_MESSAGE(pool.ok(), pool.status().what());
  return std::move(pool.value());
}

std::vector<std::byte> PatternFor(uint64_t seed, size_t bytes) {
  std::vector<std::byte> pattern(bytes);
  uint64_t state = seed * 0x9e3779b97f4a7c15 + 1;
  for (std::byte& byte : pattern) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<std::byte>(state >> 32);
  }
  return pattern;
}

std::string FindingsOf(const PoolCheck& check) {
  std::string all;
  for (const std::string& finding : check.findings) all += finding + "; ";
  return all;
}

}  // namespace memtiers
