// Pools for tests: in a file without a name, gone with its last descriptor.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pool/check.h"
#include "pool/pool.h"

namespace memtiers {

// As small as a pool can be in which keys still meet: for images of all of it.
PoolFormat TinyPool();
// Small enough to be copied and walked thousands of times.
PoolFormat SmallPool();

// A file on tmpfs or in another directory for a pool, or a devdax device, whose contents go; `path`
// stays good while it lives, in this process and its children.
class PoolPlaceForTest {
 public:
  explicit PoolPlaceForTest(const std::string& directory = "/dev/shm");
  PoolPlace place() const { return {.path = path_, .lock_path = {}}; }
  const std::string& path() const { return path_; }
  // REQUIRES: it is a file.
  int fd() const { return fd_.get(); }
  bool is_device() const { return fd_.get() < 0; }

 private:
  UniqueFd fd_;
  std::string path_;
};

// Both fail the test where they cannot.
std::shared_ptr<const PoolFile> MakePool(const PoolPlaceForTest& place, const PoolFormat& format);
std::unique_ptr<Pool> JoinPool(const std::shared_ptr<const PoolFile>& file,
                               const PoolOptions& options = {});

// Bytes that tell what they belong to.
std::vector<std::byte> PatternFor(uint64_t seed, size_t bytes);
std::string FindingsOf(const PoolCheck& check);

}  // namespace memtiers
