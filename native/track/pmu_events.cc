#include "track/pmu_events.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "sys/text_file.h"
#include "topology/parse.h"

namespace memtiers {
namespace {

// Events to a sample. At a billion accesses a second 10,000 samples, some 0.5 % of a core. Prime,
// so that no loop keeps step with it; what AMD counts has to be a multiple of 16.
constexpr uint64_t kIntelPeriod = 100'003;
constexpr uint64_t kAmdPeriod = 100'016;

std::string_view TakeUntil(std::string_view& text, char separator) {
  const size_t length = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, length);
  text.remove_prefix(std::min(length + 1, text.size()));
  return part;
}

std::optional<uint64_t> ToNumber(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x")) {
    base = 16;
    text.remove_prefix(2);
  }
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<std::string> ReadLine(const std::string& path) {
  Result<std::string> text = ReadTextFile(path);
  if (text.ok()) text = std::string(Trim(text.value()));
  return text;
}

uint64_t* WordOf(PerfEvent& event, std::string_view name) {
  if (name == "config") return &event.config;
  if (name == "config1") return &event.config1;
  if (name == "config2") return &event.config2;
  return nullptr;
}

// Puts a value where a format says, e.g. "config:0-7,32-35": its low bits first.
bool Place(PerfEvent& event, std::string_view format, uint64_t value) {
  uint64_t* const word = WordOf(event, TakeUntil(format, ':'));
  if (word == nullptr || format.empty()) return false;
  while (!format.empty()) {
    std::string_view range = TakeUntil(format, ',');
    const std::optional<uint64_t> low = ToNumber(TakeUntil(range, '-'));
    const std::optional<uint64_t> high = range.empty() ? low : ToNumber(range);
    if (!low.has_value() || !high.has_value() || *low > *high || *high > 63) return false;
    for (uint64_t bit = *low; bit <= *high; ++bit, value >>= 1) *word |= (value & 1) << bit;
  }
  return value == 0;
}

class Pmu {
 public:
  // REQUIRES: Exists()
  Pmu(const std::string& root, std::string name)
      : name_(std::move(name)), path_(root + "/sys/bus/event_source/devices/" + name_) {}

  bool Exists() const { return PathExists(path_ + "/type"); }
  bool Has(const std::string& event) const { return PathExists(path_ + "/events/" + event); }
  bool Takes(const std::string& term) const { return PathExists(path_ + "/format/" + term); }

  // `terms` as in events/: "event=0xcd,umask=0x1,ldlat=3".
  Result<PerfEvent> Make(const std::string& event_name, std::string_view terms) const {
    PerfEvent event{.name = name_ + "/" + event_name + "/"};
    const Result<std::string> type = ReadLine(path_ + "/type");
    if (!type.ok()) return type.status();
    const std::optional<uint64_t> number = ToNumber(type.value());
    if (!number.has_value()) return Malformed("type", type.value());
    event.type = static_cast<uint32_t>(*number);
    while (!terms.empty()) {
      std::string_view value = TakeUntil(terms, ',');
      const std::string term(TakeUntil(value, '='));
      const std::optional<uint64_t> bits = value.empty() ? uint64_t{1} : ToNumber(value);
      const Result<std::string> format = ReadLine(path_ + "/format/" + term);
      if (!format.ok()) return format.status();
      if (!bits.has_value() || !Place(event, format.value(), *bits)) {
        return Malformed(term, format.value());
      }
    }
    return event;
  }

  Result<PerfEvent> Named(const std::string& event_name) const {
    const Result<std::string> terms = ReadLine(path_ + "/events/" + event_name);
    if (!terms.ok()) return terms.status();
    return Make(event_name, terms.value());
  }

 private:
  Status Malformed(const std::string& what, const std::string& text) const {
    return {Code::kUnavailable, path_ + ": " + what + " \"" + text + "\" is not understood"};
  }

  std::string name_;
  std::string path_;
};

Status AddIntel(const Pmu& pmu, std::vector<PerfEvent>& events) {
  // From Sapphire Rapids on loads are sampled in a group led by an event that is only counted.
  for (const char* name : {"mem-loads-aux", "mem-loads", "mem-stores"}) {
    if (!pmu.Has(name)) continue;
    Result<PerfEvent> event = pmu.Named(name);
    if (!event.ok()) return event.status();
    event.value().starts_group = std::string_view(name) == "mem-loads-aux";
    event.value().period = kIntelPeriod;
    event.value().precise = event.value().starts_group ? 0 : 2;
    events.push_back(std::move(event.value()));
  }
  return {};
}

// IBS knows no exclude_kernel; from Linux 6.14 on it drops the kernel's samples itself, before that
// it takes privilege.
Status AddAmd(const Pmu& pmu, std::vector<PerfEvent>& events) {
  std::string terms;
  if (pmu.Takes("cnt_ctl")) terms += "cnt_ctl=1,";  // operations rather than cycles
  if (pmu.Takes("swfilt")) terms += "swfilt=1,";
  Result<PerfEvent> event = pmu.Make("", terms);
  if (!event.ok()) return event.status();
  event.value().filters_itself = !pmu.Takes("swfilt");
  event.value().period = kAmdPeriod;
  events.push_back(std::move(event.value()));
  return {};
}

}  // namespace

Result<std::vector<PerfEvent>> FindAccessEvents(const std::string& root) {
  std::vector<PerfEvent> events;
  for (const char* name : {"cpu", "cpu_core", "cpu_atom"}) {
    const Pmu pmu(root, name);
    if (!pmu.Exists() || !pmu.Has("mem-loads")) continue;
    Status added = AddIntel(pmu, events);
    if (!added.ok()) return added;
  }
  const Pmu ibs(root, "ibs_op");
  if (events.empty() && ibs.Exists()) {
    Status added = AddAmd(ibs, events);
    if (!added.ok()) return added;
  }
  if (events.empty()) {
    return Status(Code::kUnavailable,
                  "no PMU of this machine samples addresses (mem-loads, ibs_op)");
  }
  return events;
}

}  // namespace memtiers
