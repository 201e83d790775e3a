// What a set tells about its devices and members.
#include <algorithm>
#include <map>

#include "pool/pool_set.h"
#include "pool/set_devices.h"

namespace memtiers {
namespace {

void CountExtents(const SetDevice& device, DeviceReport& report) {
  const PoolLayout& layout = device.file->layout();
  const uint64_t bytes = layout.sizes().extent_bytes;
  report.capacity_bytes = layout.extent_count() * bytes;
  for (uint64_t extent = 0; extent < layout.extent_count(); ++extent) {
    const ExtentWord word = ExtentWord::Unpack(device.memory().Extent(extent).load());
    if (word.state == ExtentState::kFree) report.free_bytes += bytes;
  }
}

void CountMember(const SetDevice& device, uint32_t member, uint64_t boot, MemberReport& report) {
  const PoolMemory& memory = device.memory();
  const MemberEntry& entry = memory.Member(member);
  report.process = static_cast<uint32_t>(entry.process);
  report.boot = entry.boot;
  report.same_host = entry.boot == boot;
  const uint64_t limit =
      std::min<uint64_t>(memory.HoldLimit(member).load(), memory.layout().sizes().holds);
  for (uint32_t i = 0; i < limit; ++i) {
    if (memory.Hold(member, i).load() != 0) ++report.held;
  }
  for (uint64_t extent = 0; extent < memory.layout().extent_count(); ++extent) {
    const ExtentWord word = ExtentWord::Unpack(memory.Extent(extent).load());
    if (word.state == ExtentState::kOwned && word.member == member) {
      report.extent_bytes += memory.layout().sizes().extent_bytes;
    }
  }
}

}  // namespace

std::vector<DeviceReport> PoolSet::Devices() const {
  std::vector<DeviceReport> reports;
  const SetTable& table = devices_->table();
  for (uint32_t ordinal = 0; ordinal < SetTable::kEntries; ++ordinal) {
    const SetEntry& entry = table.entries[ordinal];
    if (entry.state == SetEntryState::kNone) continue;
    DeviceReport report;
    report.ordinal = ordinal;
    report.uuid = entry.uuid;
    report.path = LabelText(entry.path);
    report.failure_domain = LabelText(entry.failure_domain);
    const SetDevice* open = nullptr;
    for (const SetDevice* const device : devices_->good()) {
      if (device->uuid == entry.uuid) open = device;
    }
    if (entry.state == SetEntryState::kLost) {
      report.state = DeviceState::kLost;
      report.why = "declared lost at epoch " + std::to_string(entry.since);
    } else if (open == nullptr || open->file->MetadataLost()) {
      report.state = DeviceState::kLost;
      report.why = open == nullptr ? "it is missing" : "its metadata cannot be read any more";
    } else if (open->file->AnyLost() || open->damaged_reads > 0) {
      report.state = DeviceState::kSuspect;
      report.why = open->file->AnyLost() ? "memory of it was lost" : "values on it were damaged";
    }
    if (open != nullptr) {
      report.path = open->path;
      report.damaged_reads = open->damaged_reads;
      CountExtents(*open, report);
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

std::vector<MemberReport> PoolSet::Members() const {
  std::map<uint64_t, MemberReport> members;
  for (const SetDevice* const device : devices_->good()) {
    const PoolMemory& memory = device->memory();
    for (uint32_t index = 0; index < memory.layout().sizes().members; ++index) {
      const MemberWord state = MemberWord::Unpack(memory.MemberStateWord(index).load());
      if (state.state == MemberState::kFree) continue;
      uint64_t id = memory.Member(index).set_member;
      // A member of one device only, e.g. a tier.
      if (id == 0) id = (uint64_t{device->ordinal} << 56 | index) + 1;
      const auto [found, first] = members.try_emplace(id);
      MemberReport& report = found->second;
      if (first) {
        report.id = id;
        report.index = index;
        report.generation = state.generation;
      }
      const bool self = device->pool != nullptr && device->pool->membership().index() == index;
      report.self = report.self || self;
      report.alive = report.alive || self || device->pool == nullptr ||
                     device->pool->membership().LivesElsewhere(index);
      report.suspect =
          report.suspect || (device->pool != nullptr && device->pool->membership().Suspect(index));
      CountMember(*device, index, devices_->boot(), report);
    }
  }
  std::vector<MemberReport> reports;
  reports.reserve(members.size());
  for (auto& [id, report] : members) reports.push_back(report);
  return reports;
}

SetFigures PoolSet::figures() const {
  SetFigures figures = figures_;
  figures.epoch = devices_->table().epoch;
  figures.extent_bytes = sizes().extent_bytes;
  for (const SetDevice* const device : devices_->good()) {
    if (device->pool == nullptr) continue;
    const AllocatorFigures one = device->pool->figures();
    figures.allocator.extents += one.extents;
    figures.allocator.waiting += one.waiting;
    figures.allocator.sweeps += one.sweeps;
    figures.allocator.adopted += one.adopted;
    figures.allocator.restored += one.restored;
    figures.objects_held += device->pool->held();
  }
  return figures;
}

}  // namespace memtiers
