#include "topology/blocks.h"

#include <algorithm>
#include <map>

#include "sys/text_file.h"

namespace memtiers {

namespace {

constexpr uint64_t kSectorBytes = 512;  // whatever the device's own sector size

bool IsRamDisk(std::string_view name) {
  return name.starts_with("ram") || name.starts_with("zram");
}

// `path` is the device's place in the device tree.
BlockOrigin OriginOf(std::string_view name, std::string_view path) {
  if (name.starts_with("loop")) return BlockOrigin::kLoop;
  bool virtio = false;
  for (std::string_view part : Split(path, '/')) {
    if (part.starts_with("ndbus")) return BlockOrigin::kPmem;
    if (part == "nvme-fabrics") return BlockOrigin::kOther;   // a network, whatever the name
    if (part.starts_with("host")) return BlockOrigin::kScsi;  // virtio-scsi has both
    if (part.starts_with("virtio")) virtio = true;
  }
  if (name.starts_with("nvme")) return BlockOrigin::kNvme;
  return virtio ? BlockOrigin::kVirtio : BlockOrigin::kOther;
}

// The nearest ancestor that knows its node: the PCI function for a drive, the region for pmem.
int NodeOf(TreeReader& reader, std::string path) {
  while (path.size() > std::string_view("/sys/devices").size()) {
    const std::string file = path + "/numa_node";
    if (reader.Exists(file)) {
      return static_cast<int>(reader.OptionalAs(file, ParseInt).value_or(int64_t{-1}));
    }
    path = ParentPath(path);
  }
  return -1;
}

// With native multipath, the default since Linux 4.15, an NVMe namespace hangs below its subsystem
// and not below a controller; beside it are links to the controllers that lead to it:
//   /sys/devices/virtual/nvme-subsystem/nvme-subsys0/{nvme0n1,nvme0 -> .../0000:01:00.0/nvme/nvme0}
std::vector<std::string> NvmeControllers(const TreeReader& reader, const std::string& path) {
  const std::string subsystem(ParentPath(path));
  std::vector<std::string> controllers;
  if (!BaseName(subsystem).starts_with("nvme-subsys")) return controllers;
  for (const std::string& name : reader.List(subsystem)) {
    if (!name.starts_with("nvme") || !ParseUint(name.substr(4))) continue;
    if (auto controller = reader.Resolve(subsystem + "/" + name)) {
      controllers.push_back(std::move(*controller));
    }
  }
  return controllers;
}

// Takes up one of the devices that a block device is made of, at its place in the device tree.
void Consist(TreeReader& reader, std::string_view name, const std::string& path, bool& first,
             BlockDevice& device) {
  const BlockOrigin origin = OriginOf(name, path);
  const int node = NodeOf(reader, path);
  device.origin = first || device.origin == origin ? origin : BlockOrigin::kOther;
  device.node = first || device.node == node ? node : -1;
  first = false;
}

// Device-mapper and md stack devices: what the bottom is made of, when it is all of one kind.
void Inherit(TreeReader& reader, const std::string& path, int depth, bool& first,
             BlockDevice& device) {
  constexpr int kDeepestStack = 8;
  const std::vector<std::string> slaves = reader.List(path + "/slaves");
  if (slaves.empty() || depth > kDeepestStack) {
    const std::string_view name = BaseName(path);
    const std::vector<std::string> controllers = NvmeControllers(reader, path);
    for (const std::string& each : controllers) Consist(reader, name, each, first, device);
    if (controllers.empty()) Consist(reader, name, path, first, device);
    return;
  }
  for (const std::string& slave : slaves) {
    if (const auto below = reader.Resolve(path + "/slaves/" + slave)) {
      // A partition's own directory has no slaves; its disk decides.
      const bool partition = reader.Exists(*below + "/partition");
      Inherit(reader, partition ? std::string(ParentPath(*below)) : *below, depth + 1, first,
              device);
    }
  }
}

// The whole disk's name for a directory of the device tree that is a disk or a partition of one.
std::string DiskName(const TreeReader& reader, const std::string& path) {
  return std::string(BaseName(reader.Exists(path + "/partition") ? ParentPath(path) : path));
}

class MountTable {
 public:
  explicit MountTable(TreeReader& reader) : reader_(reader) {
    const std::string path = "/proc/self/mountinfo";
    text_ = reader.Required(path).value_or("");
    bool malformed = false;
    std::map<std::string_view, size_t> by_path;
    for (std::string_view line : Split(text_, '\n')) {
      const auto mount = ParseMountLine(line);
      if (!mount) {
        malformed = true;
        continue;
      }
      // What is mounted later hides what was there.
      const auto [entry, added] = by_path.try_emplace(mount->path, lines_.size());
      if (added) {
        lines_.push_back(*mount);
      } else {
        lines_[entry->second] = *mount;
      }
    }
    if (malformed) reader.Note(path);
  }

  // Mounts by the name of the disk they are on.
  std::multimap<std::string, Mount> ByDisk(const std::map<std::string, std::string>& mapped) {
    std::multimap<std::string, Mount> mounts;
    for (const MountLine& line : lines_) {
      if (line.fs_type == "overlay") continue;
      const std::string disk = DiskOf(line, mapped);
      if (disk.empty()) continue;
      Mount mount = Describe(line);
      if (reader_.IsLive() && !reader_.IsDirectory(mount.path)) continue;  // a bind of one file
      mounts.emplace(disk, std::move(mount));
    }
    return mounts;
  }

 private:
  std::string DiskOf(const MountLine& line,
                     const std::map<std::string, std::string>& mapped) const {
    const std::string by_number = "/sys/dev/block/" + std::string(line.device);
    if (const auto path = reader_.Resolve(by_number)) return DiskName(reader_, *path);
    // btrfs and some others have device numbers of their own; then the source's name decides.
    const std::string source = UnescapeOctal(line.source);
    if (!source.starts_with("/dev/")) return "";
    const std::string name = source.substr(5);
    if (const auto found = mapped.find(name); found != mapped.end()) return found->second;
    if (const auto path = reader_.Resolve("/sys/class/block/" + name)) {
      return DiskName(reader_, *path);
    }
    return "";
  }

  Mount Describe(const MountLine& line) const {
    Mount mount;
    mount.path = UnescapeOctal(line.path);
    mount.device = UnescapeOctal(line.source);
    mount.fs_type = std::string(line.fs_type);
    mount.options = std::string(line.options) + "," + std::string(line.super_options);
    for (std::string_view option : Split(mount.options, ',')) {
      // dax=inode leaves it to each file, so it promises nothing.
      if (option == "dax" || option == "dax=always") mount.dax = true;
      if (option == "ro") mount.read_only = true;
    }
    if (reader_.IsLive()) {
      const Result<uint64_t> free = FreeDiskBytes(mount.path);
      mount.free_bytes = free.ok() ? free.value() : 0;
    }
    return mount;
  }

  TreeReader& reader_;
  std::string text_;
  std::vector<MountLine> lines_;  // views into text_
};

}  // namespace

std::vector<BlockDevice> ScanBlocks(TreeReader& reader) {
  const std::string root = "/sys/block";
  std::vector<BlockDevice> devices;
  if (!reader.IsDirectory(root)) reader.Note(root);
  std::map<std::string, std::string> mapped;  // "mapper/<name>" -> "dm-N"
  for (const std::string& name : reader.List(root)) {
    const auto path = reader.Resolve(root + "/" + name);
    if (!path) {
      reader.Note(root + "/" + name);
      continue;
    }
    if (const auto dm = reader.Optional(*path + "/dm/name")) {
      mapped["mapper/" + std::string(Trim(*dm))] = name;
    }
    BlockDevice device;
    device.name = name;
    device.size_bytes = reader.RequiredAs(*path + "/size", ParseUint).value_or(0) * kSectorBytes;
    if (device.size_bytes == 0 || IsRamDisk(name)) continue;
    // One path of several to a disk that has an entry of its own, e.g. nvme0c0n1 of nvme0n1.
    if (reader.OptionalAs(*path + "/hidden", ParseUint).value_or(0) != 0) continue;
    device.rotational = reader.OptionalAs(*path + "/queue/rotational", ParseUint).value_or(0) != 0;
    bool first = true;
    Inherit(reader, *path, 0, first, device);
    devices.push_back(std::move(device));
  }
  std::multimap<std::string, Mount> mounts = MountTable(reader).ByDisk(mapped);
  for (BlockDevice& device : devices) {
    const auto [begin, end] = mounts.equal_range(device.name);
    for (auto mount = begin; mount != end; ++mount) device.mounts.push_back(mount->second);
  }
  return devices;
}

}  // namespace memtiers
