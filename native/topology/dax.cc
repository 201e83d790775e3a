#include "topology/dax.h"

namespace memtiers {

namespace {

DaxMode ModeOf(const TreeReader& reader, const std::string& device) {
  const auto driver = reader.Resolve(device + "/driver");
  if (!driver) return DaxMode::kUnbound;
  const std::string_view name = BaseName(*driver);
  if (name == "kmem") return DaxMode::kSystemRam;
  if (name == "device_dax") return DaxMode::kDevdax;
  return DaxMode::kUnbound;
}

// Where the device hangs in the device tree says what it is:
//   .../ACPI0012:00/ndbus0/region1/dax1.1/dax1.0               persistent memory
//   .../ACPI0017:00/root0/decoder0.0/region0/dax_region0/dax0.0  CXL
//   .../platform/hmem.0/dax0.0                                 reserved by the firmware
// ndbus comes first: persistent memory behind CXL hangs below both.
DaxOrigin OriginOf(std::string_view path) {
  bool cxl = false;
  bool hmem = false;
  for (std::string_view part : Split(path, '/')) {
    if (part.starts_with("ndbus")) return DaxOrigin::kPmem;
    if (part.starts_with("dax_region") || part.starts_with("ACPI0017")) cxl = true;
    if (part.starts_with("hmem")) hmem = true;
  }
  if (cxl) return DaxOrigin::kCxl;
  return hmem ? DaxOrigin::kHmem : DaxOrigin::kUnknown;
}

}  // namespace

std::vector<DaxDevice> ScanDax(TreeReader& reader) {
  const std::string bus = "/sys/bus/dax/devices";
  std::vector<DaxDevice> devices;
  for (const std::string& name : reader.List(bus)) {
    const std::string link = bus + "/" + name;
    const auto path = reader.Resolve(link);
    if (!path) {
      reader.Note(link);
      continue;
    }
    DaxDevice device;
    device.name = name;
    device.size_bytes = reader.RequiredAs(*path + "/size", ParseUint).value_or(0);
    // A region keeps an empty seed device to make others from.
    if (device.size_bytes == 0) continue;
    device.align_bytes = reader.OptionalAs(*path + "/align", ParseUint).value_or(0);
    device.target_node =
        static_cast<int>(reader.OptionalAs(*path + "/target_node", ParseInt).value_or(int64_t{-1}));
    device.mode = ModeOf(reader, *path);
    device.origin = OriginOf(*path);
    if (device.mode == DaxMode::kDevdax) device.path = "/dev/" + name;
    devices.push_back(std::move(device));
  }
  return devices;
}

}  // namespace memtiers
