#include "sys/line_stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "base/bytes.h"
#include "sys/unique_fd.h"

namespace memtiers {

Status ForEachLine(const std::string& path, const std::function<bool(std::string_view)>& take) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return Status::FromErrno(errno, "open", path);
  std::vector<char> buffer(32 * kKiB);
  size_t held = 0;
  for (;;) {
    const ssize_t got = read(fd.get(), buffer.data() + held, buffer.size() - held);
    if (got < 0) {
      if (errno == EINTR) continue;
      return Status::FromErrno(errno, "read", path);
    }
    held += static_cast<size_t>(got);
    std::string_view rest(buffer.data(), held);
    for (size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      if (!take(rest.substr(0, end))) return {};
      rest.remove_prefix(end + 1);
    }
    if (got == 0) {
      if (!rest.empty()) (void)take(rest);
      return {};
    }
    held = rest.size();
    std::memmove(buffer.data(), rest.data(), held);
    if (held == buffer.size()) buffer.resize(2 * buffer.size());
  }
}

}  // namespace memtiers
