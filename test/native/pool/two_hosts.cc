#include "two_hosts.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "sys/record_lock.h"

namespace memtiers {

TwoHosts::TwoHosts() {
  REQUIRE(PoolFile::Create(here(), SmallPool()).ok());
  void* const memory =
      mmap(nullptr, sizeof(Told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  told_ = new (memory) Told{};
}

TwoHosts::~TwoHosts() {
  if (child_ > 0) End(SIGKILL);
  munmap(told_, sizeof(Told));
}

std::unique_ptr<Pool> TwoHosts::JoinHere(const LeaseTerms& terms) const {
  return JoinPool(PoolFile::Open(here()).value(), {.lease = terms});
}

void TwoHosts::Elsewhere(
    const std::function<int(const std::shared_ptr<const PoolFile>&, Told&)>& act) {
  child_ = fork();
  if (child_ != 0) return;
  PretendBoot(kElsewhere);
  const auto file = PoolFile::Open({.path = device_.path(), .lock_path = lock_elsewhere_.path()});
  _exit(file.ok() ? act(file.value(), *told_) : 9);
}

void TwoHosts::Send(int signal) const { kill(child_, signal); }

void TwoHosts::AwaitStop() const {
  int status = 0;
  REQUIRE(waitpid(child_, &status, WUNTRACED) == child_);
  REQUIRE(WIFSTOPPED(status));
}

int TwoHosts::End(int signal) {
  int status = 0;
  if (signal != 0) kill(child_, signal);
  waitpid(child_, &status, 0);
  child_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::chrono::nanoseconds SteadyNow() { return std::chrono::steady_clock::now().time_since_epoch(); }

bool Within(std::chrono::nanoseconds time, const std::function<bool()>& holds) {
  const std::chrono::nanoseconds until = SteadyNow() + time;
  while (!holds()) {
    if (SteadyNow() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace memtiers
