#include "sys/careful_copy.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/bytes.h"

namespace memtiers {
namespace {

// The kernel copies less than 2 GiB in one call.
constexpr size_t kMostBytes = kGiB;
constexpr size_t kAsideBytes = 4096;

// How many bytes were copied, up to the first page that is not there; -1 and errno: none.
ssize_t KernelCopy(std::span<std::byte> to, std::span<const std::byte> from) {
  const iovec local{.iov_base = to.data(), .iov_len = to.size()};
  // Only read from, whatever the type says.
  const iovec remote{.iov_base = const_cast<std::byte*>(from.data()), .iov_len = from.size()};
  return process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
}

}  // namespace

bool CopyCarefully(std::span<std::byte> to, std::span<const std::byte> from) {
  std::array<std::byte, kAsideBytes> aside;
  while (!from.empty()) {
    size_t bytes = std::min(from.size(), kMostBytes);
    const ssize_t copied = KernelCopy(to.first(bytes), from.first(bytes));
    if (copied < 0 && (errno == EPERM || errno == ENOSYS)) {
      std::memcpy(to.data(), from.data(), from.size());
      return true;
    }
    if (copied > 0) {
      bytes = static_cast<size_t>(copied);
    } else {
      // It does not say on which side. A store to a target that is lost is for who guards that
      // (bus_fault.h).
      bytes = std::min(bytes, aside.size());
      const std::span<std::byte> some = std::span(aside).first(bytes);
      if (KernelCopy(some, from.first(bytes)) != static_cast<ssize_t>(bytes)) return false;
      std::memcpy(to.data(), some.data(), bytes);
    }
    to = to.subspan(bytes);
    from = from.subspan(bytes);
  }
  return true;
}

}  // namespace memtiers
