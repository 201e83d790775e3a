// Sets of devices for tests, in files without names.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pool/pool_set.h"
#include "pool_place.h"

namespace memtiers {

class SetPlaces {
 public:
  explicit SetPlaces(size_t devices) : files_(devices) {}
  // `domains`: one a device; where there are fewer, each is a domain of its own.
  std::vector<PoolDevice> Devices(const std::vector<std::string>& domains = {}) const;
  const PoolPlaceForTest& operator[](size_t device) const { return files_[device]; }
  void AddFile() { files_.emplace_back(); }
  size_t size() const { return files_.size(); }

  // What happens to a device: all of it reads as nothing for everybody who has it mapped, and
  // nobody can open it.
  void Lose(size_t device) const;
  // Its bytes now; putting them back is a device that was away meanwhile.
  std::vector<std::byte> Image(size_t device) const;
  void Restore(size_t device, const std::vector<std::byte>& image) const;

 private:
  std::vector<PoolPlaceForTest> files_;
};

PoolSetFormat SmallSet(uint32_t replicas);
// Fail the test where they cannot.
std::unique_ptr<PoolSet> MakeSet(const std::vector<PoolDevice>& devices,
                                 const PoolSetFormat& format);
std::unique_ptr<PoolSet> OpenSet(const std::vector<PoolDevice>& devices,
                                 const PoolSetOptions& options = {});
// The value's bytes; nothing: the key has none. A failure fails the test.
std::optional<std::vector<std::byte>> ValueOf(PoolSet& set, const std::string& key);
std::string FindingsOf(const SetCheck& check);

}  // namespace memtiers
