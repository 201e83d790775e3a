// Reads files below a root and remembers what could not be read, so that a scan never fails.
//
// Paths are absolute as the kernel has them ("/sys/..."); the root ("" for the real system) is put
// in front. One thread at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "topology/parse.h"

namespace memtiers {

class TreeReader {
 public:
  // `root` is a directory that holds /sys and /proc, or "" for the running system.
  explicit TreeReader(std::string root);

  // The running system, about which the kernel may be asked.
  bool IsLive() const { return root_.empty(); }

  // A file that must be there; it is noted when it is not.
  std::optional<std::string> Required(const std::string& path);
  // A file that need not be there; it is noted when it is there but not readable.
  std::optional<std::string> Optional(const std::string& path);

  // The file's content through `parse` (text -> optional). Noted when it is there and makes no
  // sense.
  template <typename Parse>
  auto RequiredAs(const std::string& path, Parse parse) {
    return Parsed(path, Required(path), parse);
  }
  template <typename Parse>
  auto OptionalAs(const std::string& path, Parse parse) {
    return Parsed(path, Optional(path), parse);
  }

  // Names in a directory; empty when it is not there.
  std::vector<std::string> List(const std::string& path) const;
  bool Exists(const std::string& path) const;
  bool IsDirectory(const std::string& path) const;

  // The path with links followed, without the root. Absent when it leads nowhere or out of the
  // root.
  std::optional<std::string> Resolve(const std::string& path) const;

  // Puts a path, or a path and what is wrong with it, on the list.
  void Note(std::string what);
  std::vector<std::string> TakeNotes() { return std::move(notes_); }

 private:
  template <typename Parse>
  auto Parsed(const std::string& path, const std::optional<std::string>& text, Parse parse)
      -> decltype(parse(std::string_view())) {
    if (!text) return std::nullopt;
    auto value = parse(std::string_view(*text));
    if (!value) Note(path);
    return value;
  }

  std::string root_;
  std::vector<std::string> notes_;
};

// The last component of a path.
std::string_view BaseName(std::string_view path);
// The path without its last component.
std::string_view ParentPath(std::string_view path);

}  // namespace memtiers
