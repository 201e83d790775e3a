#include "sys/thread_list.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

#include "sys/text_file.h"

namespace memtiers {
namespace {

constexpr const char* kTasks = "/proc/self/task";

template <typename T>
bool ToNumber(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Result<std::vector<int>> ThreadIds() {
  const Result<std::vector<std::string>> names = ListDirectory(kTasks);
  if (!names.ok()) return names.status();
  std::vector<int> threads;
  for (const std::string& name : names.value()) {
    int thread = 0;
    if (ToNumber(name, thread)) threads.push_back(thread);
  }
  std::ranges::sort(threads);
  return threads;
}

Result<uint64_t> ThreadStart(int thread) {
  const std::string path = std::string(kTasks) + "/" + std::to_string(thread) + "/stat";
  const Result<std::string> stat = ReadTextFile(path);
  const Status gone(Code::kUnavailable, "thread " + std::to_string(thread) + " is gone");
  if (!stat.ok()) return gone;
  // The second field is the thread's name in brackets, in which there may be anything; the 22nd is
  // the time (proc_pid_stat(5)).
  constexpr int kFieldsBetween = 19;
  size_t at = stat.value().rfind(')');
  for (int field = 0; field <= kFieldsBetween && at != std::string::npos; ++field) {
    at = stat.value().find(' ', at + 1);
  }
  if (at == std::string::npos) return gone;
  const size_t end = stat.value().find(' ', at + 1);
  uint64_t start = 0;
  if (!ToNumber(std::string_view(stat.value()).substr(at + 1, end - at - 1), start)) return gone;
  return start;
}

}  // namespace memtiers
