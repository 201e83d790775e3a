#include "topology/process_memory.h"

#include <optional>
#include <utility>

#include "sys/line_stream.h"
#include "topology/parse.h"
#include "topology/process_threads.h"

namespace memtiers {
namespace {

constexpr uint64_t kMostPages = uint64_t{1} << 40;
constexpr uint64_t kMostKilobytes = uint64_t{1} << 21;  // a page of 2 GiB; the largest has 1 GiB

std::optional<uint64_t> Value(std::string_view word, std::string_view key, uint64_t most) {
  if (!word.starts_with(key)) return std::nullopt;
  const auto value = ParseUint(word.substr(key.size()));
  return value && *value <= most ? value : std::nullopt;
}

// "N3=512"
std::optional<std::pair<int, uint64_t>> NodePages(std::string_view word) {
  const size_t equals = word.find('=');
  if (!word.starts_with("N") || equals == std::string_view::npos) return std::nullopt;
  const auto node = ParseUint(word.substr(1, equals - 1));
  const auto pages = ParseUint(word.substr(equals + 1));
  if (!node || *node > 1023 || !pages || *pages > kMostPages) return std::nullopt;
  return std::pair(static_cast<int>(*node), *pages);
}

}  // namespace

void NumaMapsSum::Take(std::string_view line) {
  // address policy [file=... anon=... N0=...] kernelpagesize_kB=...; blanks in file names are
  // escaped, those in "prefer (many)" and "weighted interleave" are not.
  const std::vector<std::string_view> words = Split(Trim(line), ' ');
  if (words.size() < 3) return;
  const bool placed = words[1] != "default" && words[1] != "local";
  const auto kilobytes = Value(words.back(), "kernelpagesize_kB=", kMostKilobytes);
  if (!kilobytes) return;
  for (const std::string_view word : words) {
    const auto found = NodePages(word);
    if (!found) continue;
    const uint64_t bytes = found->second * *kilobytes * 1024;
    NodeMemory& node = nodes_[found->first];
    node.bytes += bytes;
    if (placed) node.placed_bytes += bytes;
  }
}

std::vector<NodeMemory> NumaMapsSum::Finish() const {
  std::vector<NodeMemory> nodes;
  nodes.reserve(nodes_.size());
  for (const auto& [id, memory] : nodes_) {
    nodes.push_back({.node = id, .bytes = memory.bytes, .placed_bytes = memory.placed_bytes});
  }
  return nodes;
}

Result<std::vector<NodeMemory>> ReadProcessMemory(const std::string& root, int pid) {
  NumaMapsSum sum;
  const std::string path = ProcessDirectory(root, pid) + "/numa_maps";
  const Status status = ForEachLine(path, [&sum](std::string_view line) {
    sum.Take(line);
    return true;
  });
  if (!status.ok()) return status;
  return sum.Finish();
}

}  // namespace memtiers
