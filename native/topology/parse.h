// The little languages of /sys and /proc. Pure and strict: what does not parse whole is absent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace memtiers {

// Without blanks, tabs and line ends at both ends.
std::string_view Trim(std::string_view text);

// Pieces between `separator`, empty ones dropped.
std::vector<std::string_view> Split(std::string_view text, char separator);

// A decimal number; blanks around it are allowed.
std::optional<int64_t> ParseInt(std::string_view text);
std::optional<uint64_t> ParseUint(std::string_view text);

// A list such as "0-3,8" (cpuset(7), List format) in ascending order; an empty text is an empty
// list. Lists of more than 65536 members are refused: no machine has them, damaged files do.
std::optional<std::vector<int>> ParseList(std::string_view text);

// "32768K", "480M": sizes of caches.
std::optional<uint64_t> ParseCacheSize(std::string_view text);

// Bytes of "<key>:  123 kB" in a meminfo; nodes put "Node <n> " in front of the key.
std::optional<uint64_t> ParseMeminfoBytes(std::string_view meminfo, std::string_view key);

// The value after "<key>" and blanks at the start of a line.
std::optional<std::string_view> FindField(std::string_view text, std::string_view key);

// One line of mountinfo (proc_pid_mountinfo(5)); views into the line, escapes still in place.
struct MountLine {
  std::string_view device;  // "major:minor"
  std::string_view root;
  std::string_view path;
  std::string_view options;
  std::string_view fs_type;
  std::string_view source;
  std::string_view super_options;
};
std::optional<MountLine> ParseMountLine(std::string_view line);

// Turns \040 and the other octal escapes of mountinfo into what they stand for.
std::string UnescapeOctal(std::string_view text);

}  // namespace memtiers
