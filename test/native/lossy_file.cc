#include "lossy_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <vector>

namespace memtiers {

LossyFile::LossyFile(size_t bytes) : fd_(memfd_create("lossy", MFD_CLOEXEC)) {
  const std::vector<char> ones(bytes, '\xff');
  if (write(fd_.get(), ones.data(), bytes) != static_cast<ssize_t>(bytes)) abort();
}

void LossyFile::CutTo(size_t bytes) const {
  if (ftruncate(fd_.get(), static_cast<off_t>(bytes)) != 0) abort();
}

void ReportMemoryError(const std::byte* address, int code, int shift) {
  siginfo_t info{};
  info.si_signo = SIGBUS;
  info.si_code = code;
  info.si_addr = const_cast<std::byte*>(address);
  info.si_addr_lsb = static_cast<int16_t>(shift);
  if (syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGBUS, &info) != 0) abort();
}

UniqueFd OpenLastUnnamedFile(const std::string& directory) {
  int last = -1;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    const std::string target = std::filesystem::read_symlink(entry.path(), error).string();
    if (target.starts_with(directory + "/") && target.ends_with(" (deleted)")) {
      last = std::max(last, std::stoi(entry.path().filename().string()));
    }
  }
  const std::string path = "/proc/self/fd/" + std::to_string(last);
  return UniqueFd(last < 0 ? -1 : open(path.c_str(), O_RDWR | O_CLOEXEC));
}

}  // namespace memtiers
