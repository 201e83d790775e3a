#include "track/mapping_areas.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "sys/line_stream.h"

namespace memtiers {
namespace {

// Splits the first word off, with the blanks around it.
std::string_view TakeWord(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const size_t length = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, length);
  text.remove_prefix(length);
  return word;
}

template <typename T>
std::optional<T> ToNumber(std::string_view text, int base) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// E.g. "7f0000000000-7f0000200000 rw-p 00000000 00:00 0  [anon:name]".
std::optional<MappingArea> ParseHead(std::string_view line) {
  const std::string_view range = TakeWord(line);
  const size_t dash = range.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto begin = ToNumber<uintptr_t>(range.substr(0, dash), 16);
  const auto end = ToNumber<uintptr_t>(range.substr(dash + 1), 16);
  if (!begin.has_value() || !end.has_value()) return std::nullopt;
  (void)TakeWord(line);  // permissions
  (void)TakeWord(line);  // offset
  (void)TakeWord(line);  // device
  return MappingArea{.begin = *begin, .end = *end, .file = TakeWord(line) != "0"};
}

bool HasFlag(std::string_view flags, std::string_view flag) {
  while (!flags.empty()) {
    if (TakeWord(flags) == flag) return true;
  }
  return false;
}

void ParseDetail(std::string_view line, MappingArea& area) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string_view key = line.substr(0, colon);
  std::string_view value = line.substr(colon + 1);
  if (key == "VmFlags") {
    area.huge_advice = HasFlag(value, "hg");
    return;
  }
  const uint64_t bytes = ToNumber<uint64_t>(TakeWord(value), 10).value_or(0) * kKiB;
  if (key == "Rss") area.resident_bytes = bytes;
  if (key == "Referenced") area.referenced_bytes = bytes;
  if (key == "AnonHugePages" || key == "ShmemPmdMapped" || key == "FilePmdMapped") {
    area.huge_bytes += bytes;
  }
}

}  // namespace

bool MappingAreaParser::Take(std::string_view line) {
  // Details begin with a capital letter, heads with a number.
  const bool detail = !line.empty() && line.front() >= 'A' && line.front() <= 'Z';
  if (detail) {
    if (inside_) ParseDetail(line, areas_.back());
    return true;
  }
  const std::optional<MappingArea> area = ParseHead(line);
  inside_ = area.has_value() && area->end > begin_ && area->begin < end_;
  if (inside_) areas_.push_back(*area);
  return !area.has_value() || area->begin < end_;
}

Result<std::vector<MappingArea>> ReadMappingAreas(MappingText text, uintptr_t begin,
                                                  uintptr_t end) {
  MappingAreaParser parser(begin, end);
  const std::string path = text == MappingText::kMaps ? "/proc/self/maps" : "/proc/self/smaps";
  Status read = ForEachLine(path, [&](std::string_view line) { return parser.Take(line); });
  if (!read.ok()) return read;
  return parser.Finish();
}

}  // namespace memtiers
