#include "sys/text_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>

#include "base/bytes.h"
#include "sys/unique_fd.h"

namespace memtiers {

namespace {
constexpr size_t kMostBytes = 16 * kMiB;
}

Result<std::string> ReadTextFile(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return Status::FromErrno(errno, "open", path);
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = read(fd.get(), buffer.data(), buffer.size());
    if (got == 0) return text;
    if (got < 0) {
      if (errno == EINTR) continue;
      return Status::FromErrno(errno, "read", path);
    }
    text.append(buffer.data(), static_cast<size_t>(got));
    if (text.size() > kMostBytes) return Status(Code::kFull, path + " is longer than 16 MiB");
  }
}

Status WriteTextFile(const std::string& path, const std::string& text) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (!fd.valid()) return Status::FromErrno(errno, "open", path);
  ssize_t put = 0;
  do {
    put = write(fd.get(), text.data(), text.size());
  } while (put < 0 && errno == EINTR);
  if (put < 0) return Status::FromErrno(errno, "write", path);
  if (static_cast<size_t>(put) == text.size()) return {};
  return Status(Code::kIo, path + " took a part of what was written");
}

Result<std::vector<std::string>> ListDirectory(const std::string& path) {
  struct Closer {
    void operator()(DIR* directory) const { closedir(directory); }
  };
  const std::unique_ptr<DIR, Closer> directory(opendir(path.c_str()));
  if (directory == nullptr) return Status::FromErrno(errno, "opendir", path);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = readdir(directory.get());
    if (entry == nullptr) break;
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  if (errno != 0) return Status::FromErrno(errno, "readdir", path);
  std::ranges::sort(names);
  return names;
}

Result<std::string> ResolvePath(const std::string& path) {
  std::array<char, PATH_MAX> resolved{};
  if (realpath(path.c_str(), resolved.data()) == nullptr) {
    return Status::FromErrno(errno, "realpath", path);
  }
  return std::string(resolved.data());
}

Result<std::string> ReadLink(const std::string& path) {
  std::array<char, PATH_MAX> target{};
  const ssize_t length = readlink(path.c_str(), target.data(), target.size());
  if (length < 0) return Status::FromErrno(errno, "readlink", path);
  return std::string(target.data(), static_cast<size_t>(length));
}

bool PathExists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

bool IsDirectory(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

Result<uint64_t> FreeDiskBytes(const std::string& path) {
  struct statvfs status{};
  if (statvfs(path.c_str(), &status) != 0) return Status::FromErrno(errno, "statvfs", path);
  return uint64_t{status.f_bavail} * status.f_frsize;
}

}  // namespace memtiers
