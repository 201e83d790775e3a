#include "set_place.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

namespace memtiers {

std::vector<PoolDevice> SetPlaces::Devices(const std::vector<std::string>& domains) const {
  std::vector<PoolDevice> devices;
  for (size_t i = 0; i < files_.size(); ++i) {
    devices.push_back({.place = files_[i].place(),
                       .failure_domain = i < domains.size() ? domains[i] : "",
                       .capacity_bytes = 0});
  }
  return devices;
}

void SetPlaces::Lose(size_t device) const { REQUIRE(ftruncate(files_[device].fd(), 0) == 0); }

std::vector<std::byte> SetPlaces::Image(size_t device) const {
  struct stat info{};
  REQUIRE(fstat(files_[device].fd(), &info) == 0);
  std::vector<std::byte> image(static_cast<size_t>(info.st_size));
  REQUIRE(pread(files_[device].fd(), image.data(), image.size(), 0) ==
          static_cast<ssize_t>(image.size()));
  return image;
}

void SetPlaces::Restore(size_t device, const std::vector<std::byte>& image) const {
  REQUIRE(pwrite(files_[device].fd(), image.data(), image.size(), 0) ==
          static_cast<ssize_t>(image.size()));
}

PoolSetFormat SmallSet(uint32_t replicas) {
  PoolSetFormat format;
  format.sizes = SmallPool().sizes;
  format.name = "set";
  format.replicas = replicas;
  return format;
}

std::unique_ptr<PoolSet> MakeSet(const std::vector<PoolDevice>& devices,
                                 const PoolSetFormat& format) {
  Result<std::unique_ptr<PoolSet>> set = PoolSet::Create(devices, format);
  REQUIRE_MESSAGE(set.ok(), set.status().what());
  return std::move(set.value());
}

std::unique_ptr<PoolSet> OpenSet(const std::vector<PoolDevice>& devices,
                                 const PoolSetOptions& options) {
  Result<std::unique_ptr<PoolSet>> set = PoolSet::Open(devices, options);
  REQUIRE_MESSAGE(set.ok(), set.status().what());
  return std::move(set.value());
}

std::optional<std::vector<std::byte>> ValueOf(PoolSet& set, const std::string& key) {
  const Result<std::optional<SetHeld>> held = set.Get(key);
  REQUIRE_MESSAGE(held.ok(), held.status().what());
  if (!held.value().has_value()) return std::nullopt;
  const SetHeld& object = *held.value();
  std::vector<std::byte> bytes(object.payload.begin(), object.payload.end());
  set.Release(object);
  return bytes;
}

std::string FindingsOf(const SetCheck& check) {
  std::string all;
  for (const std::string& finding : check.findings) all += finding + "; ";
  return all;
}

}  // namespace memtiers
