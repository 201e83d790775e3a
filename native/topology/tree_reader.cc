#include "topology/tree_reader.h"

#include <algorithm>

#include "sys/text_file.h"

namespace memtiers {

TreeReader::TreeReader(std::string root) : root_(std::move(root)) {
  // Links are followed by the kernel, so what comes back is compared with the root as it really is.
  if (root_.empty()) return;
  const Result<std::string> resolved = ResolvePath(root_);
  if (resolved.ok()) root_ = resolved.value();
}

std::optional<std::string> TreeReader::Required(const std::string& path) {
  Result<std::string> text = ReadTextFile(root_ + path);
  if (text.ok()) return std::move(text.value());
  Note(path);
  return std::nullopt;
}

std::optional<std::string> TreeReader::Optional(const std::string& path) {
  if (!Exists(path)) return std::nullopt;
  return Required(path);
}

std::vector<std::string> TreeReader::List(const std::string& path) const {
  Result<std::vector<std::string>> names = ListDirectory(root_ + path);
  return names.ok() ? std::move(names.value()) : std::vector<std::string>();
}

bool TreeReader::Exists(const std::string& path) const { return PathExists(root_ + path); }

bool TreeReader::IsDirectory(const std::string& path) const {
  return memtiers::IsDirectory(root_ + path);
}

std::optional<std::string> TreeReader::Resolve(const std::string& path) const {
  const Result<std::string> resolved = ResolvePath(root_ + path);
  if (!resolved.ok() || !resolved.value().starts_with(root_ + "/")) return std::nullopt;
  return resolved.value().substr(root_.size());
}

void TreeReader::Note(std::string what) {
  if (std::ranges::find(notes_, what) == notes_.end()) {
    notes_.push_back(std::move(what));
  }
}

std::string_view BaseName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view ParentPath(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

}  // namespace memtiers
