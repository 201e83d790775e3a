// A directory with little room, made for one test and gone after it.
#pragma once

#include <cstddef>
#include <string>

namespace memtiers {

class FullDisk {
 public:
  // A tmpfs of `bytes`. Only root may mount one: `mounted` says whether it worked.
  explicit FullDisk(size_t bytes);
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk();

  bool mounted() const { return mounted_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool mounted_ = false;
};

// Limits the size of files this process may write, as `ulimit -f` does, until it goes out of scope.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(size_t bytes);
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit();

 private:
  size_t before_ = 0;
};

}  // namespace memtiers
