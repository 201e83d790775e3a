#include "sys/dax_device.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace memtiers {
namespace {

// A part of sysfs that goes with the test.
class DeviceTree {
 public:
  DeviceTree() {
    char name[] = "/tmp/memory-tiers-sysfs-XXXXXX";
    root_ = mkdtemp(name);
  }
  DeviceTree(const DeviceTree&) = delete;
  DeviceTree& operator=(const DeviceTree&) = delete;
  ~DeviceTree() { std::filesystem::remove_all(root_); }

  // A devdax device in a region of a type; "": the region has none.
  std::string Add(const std::string& region, const std::string& type) const {
    const std::string folder = root_ + region;
    std::filesystem::create_directories(folder + "/dax0.1/dax0.0");
    if (!type.empty()) std::ofstream(folder + "/devtype") << type << "\n";
    return folder + "/dax0.1/dax0.0";
  }

 private:
  std::string root_;
};

}  // namespace

TEST_CASE("a device in a persistent region of an NVDIMM or of CXL memory is persistent") {
  const DeviceTree tree;
  CHECK(IsPersistentMemory(tree.Add("/LNXSYSTM:00/ACPI0012:00/ndbus0/region1", "nd_pmem")));
  CHECK(
      IsPersistentMemory(tree.Add("/ACPI0017:00/root0/nvdimm-bridge0/ndbus1/region0", "nd_pmem")));
}

TEST_CASE("a device in a volatile region, or one whose type nobody knows, is not persistent") {
  const DeviceTree tree;
  CHECK_FALSE(IsPersistentMemory(tree.Add("/ACPI0012:00/ndbus0/region1", "nd_volatile")));
  CHECK_FALSE(IsPersistentMemory(tree.Add("/ACPI0012:00/ndbus0/region2", "")));
  CHECK_FALSE(IsPersistentMemory(tree.Add("/ACPI0017:00/root0/region0/dax_region0", "")));
  CHECK_FALSE(IsPersistentMemory(tree.Add("/platform/hmem.0", "nd_pmem")));
}

TEST_CASE("virtio-pmem is not persistent: its caches are the host's") {
  const DeviceTree tree;
  CHECK_FALSE(
      IsPersistentMemory(tree.Add("/pci0000:00/0000:00:05.0/virtio2/ndbus0/region0", "nd_pmem")));
}

}  // namespace memtiers
