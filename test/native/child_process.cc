#include "child_process.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace memtiers {
namespace {

// This process' environment, but that a sanitizer leaves SIGBUS alone: after whatever the options
// say already, for the last one counts.
std::vector<std::string> EnvironmentOfChild() {
  std::vector<std::string> entries;
  for (const std::string name : {"ASAN_OPTIONS", "TSAN_OPTIONS"}) {
    const char* const options = getenv(name.c_str());
    entries.push_back(name + "=" + (options == nullptr ? "" : std::string(options) + ":") +
                      "handle_sigbus=0");
  }
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!text.starts_with("ASAN_OPTIONS=") && !text.starts_with("TSAN_OPTIONS=")) {
      entries.emplace_back(text);
    }
  }
  return entries;
}

}  // namespace

int RunTestCaseInChild(const char* name) {
  // All of this before the fork: another thread may have the allocator's lock at that moment, and
  // the child would wait for it for ever.
  const std::string filter = std::string("--test-case=") + name;
  const std::vector<std::string> entries = EnvironmentOfChild();
  std::vector<char*> environment;
  for (const std::string& entry : entries) environment.push_back(const_cast<char*>(entry.c_str()));
  environment.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const rlimit no_core{};
    setrlimit(RLIMIT_CORE, &no_core);
    const int null = open("/dev/null", O_WRONLY);
    dup2(null, STDOUT_FILENO);
    execle("/proc/self/exe", "native_tests", "--no-skip", filter.c_str(), nullptr,
           environment.data());
    _exit(127);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

}  // namespace memtiers
