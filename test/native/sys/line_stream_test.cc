#include "sys/line_stream.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <vector>

namespace memtiers {
namespace {

class TextFile {
 public:
  explicit TextFile(const std::string& text) {
    const int fd = mkstemp(path_.data());
    REQUIRE(fd >= 0);
    close(fd);
    std::ofstream(path_.data()) << text;
  }
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;
  ~TextFile() { unlink(path_.data()); }

  std::string path() const { return path_.data(); }

 private:
  std::array<char, 32> path_{"/tmp/memory-tiers-lines-XXXXXX"};
};

}  // namespace

TEST_CASE("lines come whole, however the text is cut into reads, the last one without an end too") {
  std::vector<std::string> lines;
  std::string text;
  for (size_t i = 0; i < 3000; ++i) {
    lines.push_back(std::to_string(i) + std::string(i % 97, 'x'));
    text += lines.back() + '\n';
  }
  lines.emplace_back(100'000, 'y');
  text += lines.back() + '\n';
  lines.emplace_back("end");
  text += lines.back();
  const TextFile file(text);
  std::vector<std::string> found;
  CHECK(ForEachLine(file.path(), [&found](std::string_view line) {
          found.emplace_back(line);
          return true;
        }).ok());
  CHECK(found == lines);
}

TEST_CASE("reading ends where nothing more is wanted") {
  const TextFile file("a\nb\nc\n");
  std::string found;
  CHECK(ForEachLine(file.path(), [&found](std::string_view line) {
          found += line;
          return line != "b";
        }).ok());
  CHECK(found == "ab");
}

TEST_CASE("a file that is not there is a status with its errno") {
  CHECK(ForEachLine("/no/such/file", [](std::string_view) { return true; }).error() == ENOENT);
}

}  // namespace memtiers
