#include "killed_children.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "pool/faults.h"

namespace memtiers {
namespace {

constexpr std::chrono::seconds kHang(20);

}  // namespace

void KilledChildren::Start(uint32_t index, [[maybe_unused]] void (*delay)(),
                           const std::function<void()>& work) {
  const pid_t child = fork();
  if (child == 0) {
#ifdef MEMTIERS_POOL_FAULTS
    delay_at_point = delay;
#endif
    work();
    _exit(0);
  }
  children_[index] = child;
}

std::optional<int> KilledChildren::Kill(uint32_t index) {
  kill(children_[index], SIGKILL);
  int status = 0;
  waitpid(children_[index], &status, 0);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return std::nullopt;
  return status;
}

bool KilledChildren::Hang(uint64_t operations) {
  const auto now = std::chrono::steady_clock::now();
  if (operations == seen_operations_) return now - seen_at_ > kHang;
  seen_operations_ = operations;
  seen_at_ = now;
  return false;
}

}  // namespace memtiers
