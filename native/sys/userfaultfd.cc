#include "sys/userfaultfd.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "base/bytes.h"

// Absent from older headers; the values are kernel ABI.
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif
#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif

namespace memtiers {
namespace {

constexpr int kFlags = O_CLOEXEC | O_NONBLOCK;

// With the first a range that is moved while it is registered stays registered; the second holds
// back writers and not readers (Linux 5.7; arm64 6.10).
constexpr uint64_t kHoldBackFeatures = UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_PAGEFAULT_FLAG_WP;

std::string Describe(size_t bytes) { return std::to_string(bytes / kKiB) + " KiB"; }

// The system call needs CAP_SYS_PTRACE or vm.unprivileged_userfaultfd; the device only its file's
// permission, which a container can be given.
Result<std::pair<UniqueFd, UserfaultfdDoor>> OpenEitherDoor() {
  UniqueFd fd(static_cast<int>(syscall(SYS_userfaultfd, kFlags)));
  if (fd.valid()) return std::make_pair(std::move(fd), UserfaultfdDoor::kSyscall);
  const int refused = errno;
  const UniqueFd device(open("/dev/userfaultfd", O_RDWR | O_CLOEXEC));
  if (device.valid()) {
    fd = UniqueFd(ioctl(device.get(), USERFAULTFD_IOC_NEW, kFlags));
    if (fd.valid()) return std::make_pair(std::move(fd), UserfaultfdDoor::kDevice);
  }
  return Status::FromErrno(refused, "userfaultfd", "a full userfaultfd");
}

Result<uint64_t> Handshake(const UniqueFd& fd, uint64_t features) {
  uffdio_api api{.api = UFFD_API, .features = features, .ioctls = 0};
  if (ioctl(fd.get(), UFFDIO_API, &api) != 0) {
    return Status::FromErrno(Code::kUnavailable, errno, "UFFDIO_API",
                             "the features of userfaultfd this needs");
  }
  return uint64_t{api.features};
}

// A descriptor takes one handshake, so asking what there is takes one of its own.
Result<std::pair<uint64_t, UserfaultfdDoor>> ProbeFeatures() {
  Result<std::pair<UniqueFd, UserfaultfdDoor>> opened = OpenEitherDoor();
  if (!opened.ok()) return opened.status();
  const Result<uint64_t> features = Handshake(opened.value().first, 0);
  if (!features.ok()) return features.status();
  return std::make_pair(features.value(), opened.value().second);
}

Status Protection(int fd, std::byte* address, size_t bytes, uint64_t mode) {
  uffdio_writeprotect request{.range = {.start = reinterpret_cast<uint64_t>(address), .len = bytes},
                              .mode = mode};
  if (ioctl(fd, UFFDIO_WRITEPROTECT, &request) == 0) return {};
  return Status::FromErrno(errno, "UFFDIO_WRITEPROTECT", Describe(bytes));
}

}  // namespace

UserfaultfdProbe ProbeUserfaultfd() {
  const auto probed = ProbeFeatures();
  if (!probed.ok()) return {.error = probed.status().error()};
  const auto [features, door] = probed.value();
  if ((features & kHoldBackFeatures) != kHoldBackFeatures) return {.error = EOPNOTSUPP};
  return {.error = 0, .door = door, .records_writes = (features & UFFD_FEATURE_WP_ASYNC) != 0};
}

Result<Userfaultfd> Userfaultfd::Open(Mode mode) {
  const auto probed = ProbeFeatures();
  if (!probed.ok()) return probed.status();
  const uint64_t offered = probed.value().first;
  uint64_t features = UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED;
  if (mode == Mode::kHoldBack) {
    features = kHoldBackFeatures | (offered & UFFD_FEATURE_WP_UNPOPULATED);
  }
  Result<std::pair<UniqueFd, UserfaultfdDoor>> opened = OpenEitherDoor();
  if (!opened.ok()) return opened.status();
  const Result<uint64_t> enabled = Handshake(opened.value().first, features);
  if (!enabled.ok()) return enabled.status();
  return Userfaultfd(std::move(opened.value().first),
                     (features & UFFD_FEATURE_WP_UNPOPULATED) != 0);
}

Status Userfaultfd::Register(std::byte* address, size_t bytes, Accesses accesses) const {
  const uint64_t mode = (accesses.missing ? UFFDIO_REGISTER_MODE_MISSING : 0) |
                        (accesses.write_protected ? UFFDIO_REGISTER_MODE_WP : 0);
  uffdio_register request{.range = {.start = reinterpret_cast<uint64_t>(address), .len = bytes},
                          .mode = mode,
                          .ioctls = 0};
  if (ioctl(fd_.get(), UFFDIO_REGISTER, &request) == 0) return {};
  return Status::FromErrno(errno, "UFFDIO_REGISTER", Describe(bytes));
}

Status Userfaultfd::Unregister(std::byte* address, size_t bytes) const {
  uffdio_range range{.start = reinterpret_cast<uint64_t>(address), .len = bytes};
  if (ioctl(fd_.get(), UFFDIO_UNREGISTER, &range) != 0) {
    return Status::FromErrno(errno, "UFFDIO_UNREGISTER", Describe(bytes));
  }
  // The kernel itself wakes only those who wait for a missing page.
  return Wake(address, bytes);
}

Status Userfaultfd::Protect(std::byte* address, size_t bytes) const {
  return Protection(fd_.get(), address, bytes, UFFDIO_WRITEPROTECT_MODE_WP);
}

Status Userfaultfd::Unprotect(std::byte* address, size_t bytes) const {
  return Protection(fd_.get(), address, bytes, 0);
}

Status Userfaultfd::Wake(std::byte* address, size_t bytes) const {
  uffdio_range range{.start = reinterpret_cast<uint64_t>(address), .len = bytes};
  if (ioctl(fd_.get(), UFFDIO_WAKE, &range) == 0) return {};
  return Status::FromErrno(errno, "UFFDIO_WAKE", Describe(bytes));
}

size_t Userfaultfd::ReadFaults(std::span<Fault> faults, int timeout_ms) const {
  std::array<uffd_msg, 64> messages{};
  for (;;) {
    pollfd ready{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    const int polled = poll(&ready, 1, timeout_ms);
    if (polled == 0) return 0;
    if (polled < 0) continue;  // interrupted
    const size_t room = std::min(messages.size(), faults.size()) * sizeof(uffd_msg);
    const ssize_t got = read(fd_.get(), messages.data(), room);
    if (got <= 0) continue;  // somebody was woken in between
    size_t found = 0;
    for (size_t i = 0; i < static_cast<size_t>(got) / sizeof(uffd_msg); ++i) {
      if (messages[i].event != UFFD_EVENT_PAGEFAULT) continue;
      const auto& fault = messages[i].arg.pagefault;
      // NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel tells addresses as integers.
      auto* const page = reinterpret_cast<std::byte*>(fault.address);
      faults[found++] = {.page = page,
                         .write_protected = (fault.flags & UFFD_PAGEFAULT_FLAG_WP) != 0};
    }
    if (found > 0) return found;
  }
}

}  // namespace memtiers
