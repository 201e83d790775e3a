#include "sys/record_lock.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <utility>
#include <vector>

#include "sys/text_file.h"

namespace memtiers {
namespace {

// Descriptors a child of fork must not keep: with a copy in the child, a parent's death would free
// nothing.
struct OpenLocks {
  std::mutex mutex;
  std::vector<int> descriptors;
};

OpenLocks& Locks() {
  static auto* const locks = new OpenLocks;  // fork may come after static destructors
  return *locks;
}

void CloseInChild() {
  for (const int fd : Locks().descriptors) close(fd);
  Locks().descriptors.clear();
  Locks().mutex.unlock();
}

void Remember(int fd) {
  static const int registered =
      pthread_atfork([] { Locks().mutex.lock(); }, [] { Locks().mutex.unlock(); }, CloseInChild);
  (void)registered;  // fails for want of memory only, and then forks keep locks a little longer
  const std::lock_guard guard(Locks().mutex);
  Locks().descriptors.push_back(fd);
}

// False: it was not remembered.
bool Forget(int fd) {
  const std::lock_guard guard(Locks().mutex);
  return std::erase(Locks().descriptors, fd) > 0;
}

struct flock OneByte(int16_t type, uint64_t byte) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(byte);
  lock.l_len = 1;
  return lock;
}

std::atomic<uint64_t> pretended_boot = 0;

uint64_t ReadBoot() {
  const Result<std::string> text = ReadTextFile("/proc/sys/kernel/random/boot_id");
  if (!text.ok()) return 0;
  uint64_t sum = 14695981039346656037ULL;  // FNV-1a
  for (const char c : text.value()) sum = (sum ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return sum;
}

}  // namespace

uint64_t ThisBoot() {
  static const uint64_t real_boot = ReadBoot();
  const uint64_t pretended = pretended_boot;
  const uint64_t boot = pretended == 0 ? real_boot : pretended;
  return boot;
}

void PretendBoot(uint64_t boot) { pretended_boot = boot; }

RecordLock::RecordLock(int fd) : fd_(fd), process_(getpid()) { Remember(fd); }

RecordLock::RecordLock(RecordLock&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), process_(other.process_) {}

RecordLock& RecordLock::operator=(RecordLock&& other) noexcept {
  if (this != &other) {
    Close();
    fd_ = std::exchange(other.fd_, -1);
    process_ = other.process_;
  }
  return *this;
}

RecordLock::~RecordLock() { Close(); }

void RecordLock::Close() {
  if (Ours() && Forget(fd_)) close(fd_);
  fd_ = -1;
}

bool RecordLock::Ours() const { return fd_ >= 0 && process_ == getpid(); }

Result<RecordLock> RecordLock::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return Status::FromErrno(errno, "open", path);
  return RecordLock(fd);
}

Result<RecordLock> RecordLock::Open(int fd) {
  return Open("/proc/self/fd/" + std::to_string(fd));  // a descriptor of its own, unlike dup(2)'s
}

Status RecordLock::TryLock(uint64_t byte) {
  struct flock lock = OneByte(F_WRLCK, byte);
  while (fcntl(fd_, F_OFD_SETLK, &lock) != 0) {
    const int error = errno;
    if (error == EINTR) continue;
    std::string what = "lock byte " + std::to_string(byte);
    if (error == EAGAIN || error == EACCES) {
      return Status::FromErrno(Code::kBusy, error, "fcntl", std::move(what));
    }
    return Status::FromErrno(error, "fcntl", std::move(what));
  }
  return {};
}

void RecordLock::Unlock(uint64_t byte) {
  struct flock lock = OneByte(F_UNLCK, byte);
  (void)fcntl(fd_, F_OFD_SETLK, &lock);
}

bool RecordLock::HeldByAnother(uint64_t byte) const {
  struct flock lock = OneByte(F_WRLCK, byte);
  return fcntl(fd_, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

Result<LockIdentity> RecordLock::Identity() const {
  struct stat info{};
  if (fstat(fd_, &info) != 0) return Status::FromErrno(errno, "fstat", "lock file");
  return LockIdentity{.device = info.st_dev, .inode = info.st_ino, .boot = ThisBoot()};
}

}  // namespace memtiers
