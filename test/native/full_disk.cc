#include "full_disk.h"

#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>

namespace memtiers {

FullDisk::FullDisk(size_t bytes) : path_("/tmp/memtiers-full-XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr) return;
  mounted_ =
      mount("tmpfs", path_.c_str(), "tmpfs", 0, ("size=" + std::to_string(bytes)).c_str()) == 0;
}

FullDisk::~FullDisk() {
  if (mounted_) umount2(path_.c_str(), MNT_DETACH);
  rmdir(path_.c_str());
}

FileSizeLimit::FileSizeLimit(size_t bytes) {
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  before_ = limit.rlim_cur;
  limit.rlim_cur = bytes;
  setrlimit(RLIMIT_FSIZE, &limit);
}

FileSizeLimit::~FileSizeLimit() {
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = before_;
  setrlimit(RLIMIT_FSIZE, &limit);
}

}  // namespace memtiers
