#include "stepped_child.h"

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace memtiers {

SteppedChild::SteppedChild(const std::function<void()>& work) : child_(fork()) {
  if (child_ != 0) return;
  work();
  _exit(0);
}

SteppedChild::~SteppedChild() {
  if (child_ <= 0) return;
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
}

// Traced from the first pause on only: before, signals such as of its own children would stop it.
void SteppedChild::Pause() {
  ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  (void)raise(SIGSTOP);
}

bool SteppedChild::AwaitPause() {
  int status = 0;
  if (waitpid(child_, &status, 0) != child_) return false;
  if (WIFSTOPPED(status)) return true;
  child_ = -1;
  return false;
}

bool SteppedChild::AwaitNextPause() {
  ptrace(PTRACE_CONT, child_, nullptr, nullptr);
  return AwaitPause();
}

std::string SteppedChild::StepToEnd(const std::function<void()>& after_each) {
  for (;;) {
    int status = 0;
    if (ptrace(PTRACE_SINGLESTEP, child_, nullptr, nullptr) != 0) break;
    if (waitpid(child_, &status, 0) != child_) break;
    if (!WIFSTOPPED(status)) {
      child_ = -1;
      if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
      return "the operation ended with status " + std::to_string(status);
    }
    if (WSTOPSIG(status) != SIGTRAP) {
      return "the operation was stopped by signal " + std::to_string(WSTOPSIG(status));
    }
    after_each();
  }
  return "the child cannot be stepped";
}

}  // namespace memtiers
