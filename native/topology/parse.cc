#include "topology/parse.h"

#include <algorithm>
#include <charconv>

namespace memtiers {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr int kMostListMembers = 65536;

template <typename T>
std::optional<T> ParseNumber(std::string_view text) {
  text = Trim(text);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

}  // namespace

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    if (end > 0) pieces.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return pieces;
}

std::optional<int64_t> ParseInt(std::string_view text) { return ParseNumber<int64_t>(text); }
std::optional<uint64_t> ParseUint(std::string_view text) { return ParseNumber<uint64_t>(text); }

std::optional<std::vector<int>> ParseList(std::string_view text) {
  std::vector<int> members;
  for (std::string_view range : Split(Trim(text), ',')) {
    const size_t dash = range.find('-');
    const auto first = ParseNumber<int>(range.substr(0, dash));
    const auto last =
        dash == std::string_view::npos ? first : ParseNumber<int>(range.substr(dash + 1));
    if (!first || !last || *first < 0 || *last < *first) return std::nullopt;
    if (*last - *first >= kMostListMembers - static_cast<int>(members.size())) return std::nullopt;
    for (int member = *first; member <= *last; ++member) members.push_back(member);
  }
  std::ranges::sort(members);
  const auto repeated = std::ranges::unique(members);
  members.erase(repeated.begin(), repeated.end());
  return members;
}

std::optional<uint64_t> ParseCacheSize(std::string_view text) {
  text = Trim(text);
  if (text.empty()) return std::nullopt;
  int shift = 0;
  if (text.back() == 'K') shift = 10;
  if (text.back() == 'M') shift = 20;
  if (text.back() == 'G') shift = 30;
  if (shift > 0) text.remove_suffix(1);
  const auto value = ParseUint(text);
  if (!value || *value > UINT64_MAX >> shift) return std::nullopt;
  return *value << shift;
}

std::optional<uint64_t> ParseMeminfoBytes(std::string_view meminfo, std::string_view key) {
  for (std::string_view line : Split(meminfo, '\n')) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, colon);
    if (name != key && !name.ends_with(" " + std::string(key))) continue;
    std::string_view value = Trim(line.substr(colon + 1));
    if (!value.ends_with(" kB")) return std::nullopt;
    value.remove_suffix(3);
    const auto kilobytes = ParseUint(value);
    if (!kilobytes || *kilobytes > UINT64_MAX / 1024) return std::nullopt;
    return *kilobytes * 1024;
  }
  return std::nullopt;
}

std::optional<std::string_view> FindField(std::string_view text, std::string_view key) {
  for (std::string_view line : Split(text, '\n')) {
    if (!line.starts_with(key)) continue;
    const std::string_view rest = line.substr(key.size());
    if (rest.empty() || kBlanks.find(rest.front()) == std::string_view::npos) continue;
    return Trim(rest);
  }
  return std::nullopt;
}

std::optional<MountLine> ParseMountLine(std::string_view line) {
  const std::vector<std::string_view> fields = Split(Trim(line), ' ');
  // 36 35 98:0 /root /path options [optional...] - type source super_options
  const auto dash = std::find(fields.begin() + std::min<ptrdiff_t>(6, std::ssize(fields)),
                              fields.end(), std::string_view("-"));
  if (fields.end() - dash < 4) return std::nullopt;
  return MountLine{.device = fields[2],
                   .root = fields[3],
                   .path = fields[4],
                   .options = fields[5],
                   .fs_type = dash[1],
                   .source = dash[2],
                   .super_options = dash[3]};
}

std::string UnescapeOctal(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && text[i + 1] <= '3' && IsOctal(text[i + 1]) &&
        IsOctal(text[i + 2]) && IsOctal(text[i + 3])) {
      plain += static_cast<char>((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 |
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

}  // namespace memtiers
