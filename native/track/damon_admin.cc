#include "track/damon_admin.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "sys/directory_lock.h"
#include "sys/text_file.h"
#include "topology/parse.h"

namespace memtiers {

namespace {

constexpr const char* kContext = "kdamonds/0/contexts/0/";
constexpr const char* kScheme = "kdamonds/0/contexts/0/schemes/0/";
constexpr const char* kTarget = "kdamonds/0/contexts/0/targets/0/";
constexpr const char* kState = "kdamonds/0/state";
// Fixed ranges of virtual addresses; plain "vaddr" would watch all that the process has mapped.
constexpr const char* kOperations = "fvaddr";
constexpr const char* kEverything = "18446744073709551615";
// The kernel reads some of the limits as 32-bit numbers.
constexpr const char* kEveryCount = "4294967295";
// The least number of regions that the kernel accepts (damon_set_attrs).
constexpr size_t kLeastRegions = 3;
// A tick of /proc/<pid>/stat (USER_HZ, proc_pid_stat(5)): 100 a second on x86 and arm64.
constexpr std::chrono::milliseconds kTick{10};

Status InUse(const std::string& by) {
  return Status(Code::kBusy, "DAMON has one configuration for the whole machine, and " + by);
}

}  // namespace

DamonAdmin::DamonAdmin(std::string root)
    : root_(std::move(root)), admin_(root_ + "/sys/kernel/mm/damon/admin/") {}

Result<std::unique_ptr<DamonAdmin>> DamonAdmin::Claim(std::string root) {
  std::unique_ptr<DamonAdmin> admin(new DamonAdmin(std::move(root)));
  if (!PathExists(admin->admin_)) {
    return Status(Code::kUnavailable, "this kernel has no DAMON, or not its sysfs interface");
  }
  Result<UniqueFd> lock = LockDirectory(admin->admin_);
  if (lock.status().code() == Code::kBusy) return InUse("another memory of this machine uses it");
  if (!lock.ok()) return lock.status();
  admin->lock_ = std::move(lock.value());
  const Result<uint64_t> kdamonds = admin->ReadNumber("kdamonds/nr_kdamonds");
  if (!kdamonds.ok()) return kdamonds.status();
  if (kdamonds.value() > 0) {
    Status status = admin->TakeOverLeftovers();
    if (!status.ok()) return status;
  }
  admin->claimed_ = true;
  Status status = admin->SetUp();
  if (!status.ok()) return status;
  return admin;
}

DamonAdmin::~DamonAdmin() {
  if (!claimed_) return;
  Stop();
  static_cast<void>(Write("kdamonds/nr_kdamonds", "0"));
}

// Only what this code leaves behind: one kdamond for fixed addresses of a process that is gone, or
// of this one. Whoever else prepares something has a living target, or none yet.
Status DamonAdmin::TakeOverLeftovers() const {
  Status in_use = InUse("another program uses it");
  const Result<uint64_t> kdamonds = ReadNumber("kdamonds/nr_kdamonds");
  const Result<std::string> operations = ReadWord(std::string(kContext) + "operations");
  const Result<uint64_t> targets = ReadNumber(std::string(kContext) + "targets/nr_targets");
  const Result<std::string> pid = ReadWord(std::string(kTarget) + "pid_target");
  const Result<std::string> self = ReadLink(root_ + "/proc/self");
  const Result<std::string> state = ReadWord(kState);
  if (!kdamonds.ok() || kdamonds.value() != 1 || !operations.ok() ||
      operations.value() != kOperations || !targets.ok() || targets.value() != 1 || !pid.ok() ||
      !self.ok() || !state.ok()) {
    return in_use;
  }
  if (pid.value() == self.value()) return state.value() == "on" ? Write(kState, "off") : Status();
  const bool dead = pid.value() != "0" && !PathExists(root_ + "/proc/" + pid.value());
  return dead && state.value() == "off" ? Status() : in_use;
}

Status DamonAdmin::SetUp() const {
  Status status =
      WriteAll({{"kdamonds/nr_kdamonds", "1"}, {"kdamonds/0/contexts/nr_contexts", "1"}});
  if (!status.ok()) return status;
  const Result<std::string> available = ReadTextFile(admin_ + kContext + "avail_operations");
  if (!available.ok()) return available.status();
  const auto operations = Split(available.value(), '\n');
  if (std::ranges::find(operations, kOperations,
                        [](std::string_view word) { return Trim(word); }) == operations.end()) {
    return Status(Code::kUnavailable,
                  "this kernel's DAMON does not watch virtual addresses (CONFIG_DAMON_VADDR)");
  }
  const Result<std::string> self = ReadLink(root_ + "/proc/self");
  if (!self.ok()) return self.status();
  const std::string context = kContext;
  const std::string scheme = kScheme;
  // "stat" does nothing to the pages; its tried regions are the results, which sysfs has nowhere
  // else.
  return WriteAll({
      {context + "operations", kOperations},
      {context + "targets/nr_targets", "1"},
      {std::string(kTarget) + "pid_target", self.value()},
      {context + "schemes/nr_schemes", "1"},
      {scheme + "action", "stat"},
      {scheme + "access_pattern/sz/max", kEverything},
      {scheme + "access_pattern/nr_accesses/min", "1"},
      {scheme + "access_pattern/nr_accesses/max", kEveryCount},
      {scheme + "access_pattern/age/max", kEveryCount},
  });
}

Status DamonAdmin::Watch(std::span<const DamonRange> ranges, const DamonPace& pace) {
  const std::string attributes = std::string(kContext) + "monitoring_attrs/";
  const auto window = pace.sample * pace.samples_per_window;
  // With no more regions than ranges the kernel splits none (kdamond_split_regions), and each range
  // stays one region.
  const std::string regions = std::to_string(std::max(ranges.size(), kLeastRegions));
  Status status = WriteAll({
      {attributes + "intervals/sample_us", std::to_string(pace.sample.count())},
      {attributes + "intervals/aggr_us", std::to_string(window.count())},
      {attributes + "nr_regions/max", regions},
      {attributes + "nr_regions/min", regions},
  });
  if (status.ok()) status = SetRanges(ranges);
  if (!status.ok()) return status;
  status = Write(kState, running_ ? "commit" : "on");
  if (status.ok()) running_ = true;
  return status;
}

Status DamonAdmin::SetRanges(std::span<const DamonRange> ranges) const {
  const std::string directory = std::string(kTarget) + "regions/";
  Status status = Write(directory + "nr_regions", std::to_string(ranges.size()));
  for (size_t i = 0; i < ranges.size() && status.ok(); ++i) {
    const std::string region = directory + std::to_string(i);
    status = Write(region + "/start", std::to_string(ranges[i].start));
    if (status.ok()) status = Write(region + "/end", std::to_string(ranges[i].end));
  }
  return status;
}

Result<std::vector<DamonRegion>> DamonAdmin::Regions() {
  Result<std::vector<DamonRegion>> regions = ReadRegions();
  if (!regions.ok()) Stop();
  return regions;
}

Result<std::vector<DamonRegion>> DamonAdmin::ReadRegions() const {
  const Status status = Write(kState, "update_schemes_tried_regions");
  if (!status.ok()) return status;
  const std::string directory = std::string(kScheme) + "tried_regions";
  const Result<std::vector<std::string>> names = ListDirectory(admin_ + directory);
  if (!names.ok()) return names.status();
  std::vector<DamonRegion> regions;
  regions.reserve(names.value().size());
  for (const std::string& name : names.value()) {
    if (!ParseUint(name)) continue;  // total_bytes
    const std::string region = directory + "/" + name;
    const Result<uint64_t> start = ReadNumber(region + "/start");
    const Result<uint64_t> end = ReadNumber(region + "/end");
    const Result<uint64_t> accesses = ReadNumber(region + "/nr_accesses");
    for (const Result<uint64_t>* number : {&start, &end, &accesses}) {
      if (!number->ok()) return number->status();
    }
    regions.push_back({.range = {.start = start.value(), .end = end.value()},
                       .accesses = static_cast<uint32_t>(accesses.value())});
  }
  return regions;
}

void DamonAdmin::Stop() {
  if (!running_) return;
  // It can have stopped by itself, and then this fails.
  static_cast<void>(Write(kState, "off"));
  running_ = false;
}

std::chrono::nanoseconds DamonAdmin::CpuTime() const {
  const Result<std::string> pid = ReadWord("kdamonds/0/pid");
  if (!pid.ok()) return {};
  const Result<std::string> stat = ReadTextFile(root_ + "/proc/" + pid.value() + "/stat");
  if (!stat.ok()) return {};
  // The name in parentheses can hold blanks; stime is the 13th field after it.
  const std::string_view text = stat.value();
  const size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return {};
  const auto fields = Split(text.substr(name_end + 1), ' ');
  constexpr size_t kStime = 12;
  const auto ticks = fields.size() > kStime ? ParseUint(fields[kStime]) : std::nullopt;
  return ticks ? *ticks * kTick : std::chrono::nanoseconds{};
}

Status DamonAdmin::Write(const std::string& file, const std::string& text) const {
  return WriteTextFile(admin_ + file, text);
}

Status DamonAdmin::WriteAll(std::initializer_list<Setting> settings) const {
  for (const auto& [file, text] : settings) {
    Status status = Write(file, text);
    if (!status.ok()) return status;
  }
  return {};
}

Result<uint64_t> DamonAdmin::ReadNumber(const std::string& file) const {
  const Result<std::string> text = ReadTextFile(admin_ + file);
  if (!text.ok()) return text.status();
  const std::optional<uint64_t> number = ParseUint(text.value());
  if (!number) return Status(Code::kUnavailable, admin_ + file + " holds no number");
  return *number;
}

Result<std::string> DamonAdmin::ReadWord(const std::string& file) const {
  const Result<std::string> text = ReadTextFile(admin_ + file);
  if (!text.ok()) return text.status();
  return std::string(Trim(text.value()));
}

}  // namespace memtiers
