#include "child_process.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace memtiers {
namespace {

// After whatever the options say already: the last one counts.
void LeaveBusErrorsToTheChild(const char* variable) {
  const char* options = getenv(variable);
  const std::string all =
      (options == nullptr ? "" : std::string(options) + ":") + "handle_sigbus=0";
  setenv(variable, all.c_str(), 1);
}

}  // namespace

int RunTestCaseInChild(const char* name) {
  const std::string filter = std::string("--test-case=") + name;
  const pid_t child = fork();
  if (child == 0) {
    const rlimit no_core{};
    setrlimit(RLIMIT_CORE, &no_core);
    LeaveBusErrorsToTheChild("ASAN_OPTIONS");
    LeaveBusErrorsToTheChild("TSAN_OPTIONS");
    const int null = open("/dev/null", O_WRONLY);
    dup2(null, STDOUT_FILENO);
    execl("/proc/self/exe", "native_tests", "--no-skip", filter.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

}  // namespace memtiers
