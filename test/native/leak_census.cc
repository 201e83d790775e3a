#include "leak_census.h"

#include <dirent.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

namespace memtiers {
namespace {

constexpr auto kPatience = std::chrono::seconds(5);
constexpr const char* kUserfaultfd = "anon_inode:[userfaultfd]";

template <typename Visit>
size_t ForEachIn(const char* directory, const Visit& visit) {
  size_t count = 0;
  DIR* const stream = opendir(directory);
  if (stream == nullptr) return 0;
  const std::string own = std::to_string(dirfd(stream));
  while (const dirent* const entry = readdir(stream)) {
    const std::string name = static_cast<const char*>(entry->d_name);
    if (name == "." || name == ".." || name == own) continue;
    ++count;
    visit(std::string(directory) + "/" + name);
  }
  closedir(stream);
  return count;
}

// Names without numbers of their own, so that one that is closed and opened anew is the same.
std::string TargetOf(const std::string& link) {
  std::array<char, 4096> target{};
  const ssize_t bytes = readlink(link.c_str(), target.data(), target.size());
  std::string text(target.data(), bytes < 0 ? 0 : static_cast<size_t>(bytes));
  for (char& c : text) {
    if (c >= '0' && c <= '9') c = '#';
  }
  return text;
}

template <typename Counts>
void Compare(const Counts& earlier, const Counts& later, const char* what, std::string& more) {
  for (const auto& [name, count] : later) {
    const auto before = earlier.find(name);
    const int had = before == earlier.end() ? 0 : before->second;
    if (count <= had) continue;
    more += std::to_string(count - had) + " " + what + " of " + name + "; ";
  }
}

}  // namespace

Census Census::Take() {
  Census census;
  ForEachIn("/proc/self/fd",
            [&](const std::string& link) { ++census.descriptors[TargetOf(link)]; });
  census.threads = ForEachIn("/proc/self/task", [](const std::string& /*task*/) {});
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    std::string range;
    std::string access;
    std::string offset;
    std::string device;
    std::string inode;
    std::string path;
    words >> range >> access >> offset >> device >> inode;
    std::getline(words >> std::ws, path);
    if (path.empty() || path.front() == '[') {
      ++census.anonymous;
    } else if (path.find(".so") == std::string::npos) {
      ++census.files[path];
    }
  }
  return census;
}

std::string Census::MoreThan(const Census& earlier) const {
  std::string more;
  Compare(earlier.descriptors, descriptors, "descriptors", more);
  Compare(earlier.files, files, "mappings", more);
  if (threads > earlier.threads) {
    more += std::to_string(threads - earlier.threads) + " threads; ";
  }
  return more;
}

std::string LeakedSince(const Census& earlier, LastingServices& services) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    const Census now = Census::Take();
    if (now.MoreThan(earlier).empty()) return "";
    // A lasting service has a descriptor, with a thread or without.
    Census allowed = earlier;
    int& had = allowed.descriptors[kUserfaultfd];
    const auto found = now.descriptors.find(kUserfaultfd);
    const int begun = found == now.descriptors.end() ? 0 : found->second - had;
    if (begun > 0 && begun <= services.userfaultfds) {
      had += begun;
      const bool with_thread = services.threads > 0 && now.threads > earlier.threads;
      if (with_thread) ++allowed.threads;
      if (now.MoreThan(allowed).empty()) {
        services.userfaultfds -= begun;
        if (with_thread) --services.threads;
        return "";
      }
    }
    if (std::chrono::steady_clock::now() > until) return now.MoreThan(earlier);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace memtiers
