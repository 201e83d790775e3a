// The many shapes of machines are scanned from fixtures by test/unit/tiers; here is what only this
// level sees: the running system, and trees that try to lead the scan astray.
#include "topology/scan.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace memtiers {

namespace {

namespace fs = std::filesystem;

class Tree {
 public:
  Tree() {
    std::array<char, 64> path{"/tmp/memory-tiers-scan-XXXXXX"};
    REQUIRE(mkdtemp(path.data()) != nullptr);
    root_ = path.data();
  }
  ~Tree() { fs::remove_all(root_); }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  void File(const std::string& path, const std::string& content) const {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << content;
  }
  void Link(const std::string& path, const std::string& target) const {
    fs::create_directories(fs::path(root_ + path).parent_path());
    fs::create_symlink(target, root_ + path);
  }
  const std::string& root() const { return root_; }

 private:
  std::string root_;
};

bool Contains(const std::vector<std::string>& list, const std::string& what) {
  return std::find(list.begin(), list.end(), what) != list.end();
}

}  // namespace

TEST_CASE("the running machine has memory, CPUs and a kernel") {
  const Machine machine = ScanMachine("");
  CHECK_FALSE(machine.kernel.release.empty());
  CHECK(machine.kernel.page_bytes == static_cast<uint64_t>(sysconf(_SC_PAGESIZE)));
  CHECK_FALSE(machine.allowed_cpus.empty());
  for (const Node& node : machine.nodes) {
    CHECK(node.free_bytes <= node.memory_bytes);
    CHECK(node.distances.size() == machine.nodes.size());
  }
  for (const int allowed : machine.allowed_nodes) {
    CHECK(std::any_of(machine.nodes.begin(), machine.nodes.end(),
                      [&](const Node& node) { return node.id == allowed; }));
  }
}

TEST_CASE("an empty root gives an empty description that says what is missing") {
  const Tree tree;
  const Machine machine = ScanMachine(tree.root());
  CHECK(machine.nodes.empty());
  CHECK(machine.dax.empty());
  CHECK(machine.blocks.empty());
  CHECK_FALSE(machine.memory_limit.has_value());
  CHECK(machine.permissions.mbind == 0);
  CHECK(Contains(machine.unreadable, "/sys/devices/system/node/online"));
  CHECK(Contains(machine.unreadable, "/proc/self/mountinfo"));
}

TEST_CASE("a root that does not exist is no different") {
  const Machine machine = ScanMachine("/nowhere/at/all");
  CHECK(machine.nodes.empty());
  CHECK_FALSE(machine.unreadable.empty());
}

TEST_CASE("links that lead out of the root are not followed") {
  const Tree outside;
  outside.File("/dax9.0/size", "4194304\n");
  const Tree tree;
  tree.Link("/sys/bus/dax/devices/dax9.0", outside.root() + "/dax9.0");
  const Machine machine = ScanMachine(tree.root());
  CHECK(machine.dax.empty());
  CHECK(Contains(machine.unreadable, "/sys/bus/dax/devices/dax9.0"));
}

TEST_CASE("links that go round in circles are noted") {
  const Tree tree;
  tree.Link("/sys/block/sda", "sdb");
  tree.Link("/sys/block/sdb", "sda");
  const Machine machine = ScanMachine(tree.root());
  CHECK(machine.blocks.empty());
  CHECK(Contains(machine.unreadable, "/sys/block/sda"));
}

TEST_CASE("a stack of devices on two kinds of drive is of neither kind") {
  const Tree tree;
  const std::string devices = "/sys/devices/";
  for (const char* disk : {"pci/nvme/nvme0/nvme0n1", "pci/host1/block/sda", "virtual/block/md0"}) {
    tree.File(devices + disk + "/size", "2048\n");
    tree.Link("/sys/block/" + fs::path(disk).filename().string(),
              std::string("../devices/") + disk);
  }
  tree.Link(devices + "virtual/block/md0/slaves/nvme0n1", "../../../../pci/nvme/nvme0/nvme0n1");
  tree.Link(devices + "virtual/block/md0/slaves/sda", "../../../../pci/host1/block/sda");
  const Machine machine = ScanMachine(tree.root());
  REQUIRE(machine.blocks.size() == 3);
  CHECK(machine.blocks[0].name == "md0");
  CHECK(machine.blocks[0].origin == BlockOrigin::kOther);
  CHECK(machine.blocks[1].origin == BlockOrigin::kNvme);
  CHECK(machine.blocks[2].origin == BlockOrigin::kScsi);
}

TEST_CASE("an NVMe namespace with several paths is listed once, as what its controllers are") {
  const std::string subsystems = "/sys/devices/virtual/nvme-subsystem/";
  const std::string local = "/sys/devices/pci0000:00/0000:00:02.0/nvme/";
  const std::string fabrics = "/sys/devices/virtual/nvme-fabrics/ctl/";
  const Tree tree;
  // nvme0n1 is behind two PCI functions of one node, nvme2n1 behind a network.
  tree.File(local + "nvme0/numa_node", "1\n");
  tree.File(local + "nvme1/numa_node", "1\n");
  tree.File(fabrics + "nvme2/numa_node", "-1\n");
  for (const std::string& path :
       {local + "nvme0/nvme0c0n1", local + "nvme1/nvme0c1n1", fabrics + "nvme2/nvme2c2n1",
        subsystems + "nvme-subsys0/nvme0n1", subsystems + "nvme-subsys2/nvme2n1"}) {
    tree.File(path + "/size", "2048\n");
    tree.File(path + "/hidden",
              path.find("/virtual/nvme-subsystem/") == std::string::npos ? "1\n" : "0\n");
    tree.Link("/sys/block/" + fs::path(path).filename().string(), ".." + path.substr(4));
  }
  const std::string up = "../../..";
  tree.Link(subsystems + "nvme-subsys0/nvme0", up + local.substr(12) + "nvme0");
  tree.Link(subsystems + "nvme-subsys0/nvme1", up + local.substr(12) + "nvme1");
  tree.Link(subsystems + "nvme-subsys2/nvme2", up + fabrics.substr(12) + "nvme2");
  const Machine machine = ScanMachine(tree.root());
  REQUIRE(machine.blocks.size() == 2);
  CHECK(machine.blocks[0].name == "nvme0n1");
  CHECK(machine.blocks[0].origin == BlockOrigin::kNvme);
  CHECK(machine.blocks[0].node == 1);
  CHECK(machine.blocks[1].name == "nvme2n1");
  CHECK(machine.blocks[1].origin == BlockOrigin::kOther);
}

TEST_CASE("a later mount hides an earlier one on the same path") {
  const Tree tree;
  tree.File("/sys/devices/nvme/nvme0n1/size", "2048\n");
  tree.Link("/sys/block/nvme0n1", "../devices/nvme/nvme0n1");
  tree.Link("/sys/dev/block/259:0", "../../devices/nvme/nvme0n1");
  tree.File("/proc/self/mountinfo",
            "30 1 259:0 / / rw - ext4 /dev/nvme0n1 rw\n"
            "31 30 259:0 / /tmp rw - ext4 /dev/nvme0n1 rw\n"
            "32 30 0:40 / /tmp rw - tmpfs tmpfs rw\n");
  const Machine machine = ScanMachine(tree.root());
  REQUIRE(machine.blocks.size() == 1);
  REQUIRE(machine.blocks[0].mounts.size() == 1);
  CHECK(machine.blocks[0].mounts[0].path == "/");
}

TEST_CASE("btrfs mounts are found by the name of their device") {
  const Tree tree;
  tree.File("/sys/devices/nvme/nvme0n1/size", "2048\n");
  tree.File("/sys/devices/nvme/nvme0n1/nvme0n1p2/partition", "2\n");
  tree.Link("/sys/block/nvme0n1", "../devices/nvme/nvme0n1");
  tree.Link("/sys/class/block/nvme0n1p2", "../../devices/nvme/nvme0n1/nvme0n1p2");
  tree.File("/proc/self/mountinfo",
            "30 1 0:35 /@home /home rw - btrfs /dev/nvme0n1p2 rw,subvol=/@home\n");
  const Machine machine = ScanMachine(tree.root());
  REQUIRE(machine.blocks.size() == 1);
  REQUIRE(machine.blocks[0].mounts.size() == 1);
  CHECK(machine.blocks[0].mounts[0].path == "/home");
}

}  // namespace memtiers
