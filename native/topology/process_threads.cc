#include "topology/process_threads.h"

#include <algorithm>
#include <climits>
#include <optional>
#include <utility>

#include "sys/text_file.h"
#include "topology/parse.h"

namespace memtiers {
namespace {

// Fields by the numbers they have in proc_pid_stat(5). Those before the third are the number and
// the name, in which there may be blanks and brackets.
constexpr size_t kFirstField = 3;
constexpr size_t kUserTicks = 14;
constexpr size_t kSystemTicks = 15;
constexpr size_t kProcessor = 39;

std::optional<int> ToInt(std::string_view text) {
  const auto value = ParseUint(text);
  return value && *value <= INT_MAX ? std::optional(static_cast<int>(*value)) : std::nullopt;
}

std::optional<ProcessThread> ReadThread(const std::string& path) {
  const Result<std::string> stat = ReadTextFile(path + "/stat");
  const Result<std::string> status = ReadTextFile(path + "/status");
  if (!stat.ok() || !status.ok()) return std::nullopt;
  Result<ProcessThread> thread = ParseThreadStat(stat.value());
  const auto field = FindField(status.value(), "Cpus_allowed_list:");
  auto cpus = field ? ParseList(*field) : std::nullopt;
  if (!thread.ok() || !cpus) return std::nullopt;
  thread.value().cpus = std::move(*cpus);
  return std::move(thread.value());
}

}  // namespace

std::string ProcessDirectory(const std::string& root, int pid) {
  return root + "/proc/" + (pid == 0 ? "self" : std::to_string(pid));
}

Result<ProcessThread> ParseThreadStat(std::string_view stat) {
  const Status senseless(Code::kUnavailable, "a thread's stat that makes no sense");
  const size_t begin = stat.find('(');
  const size_t end = stat.rfind(')');
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) {
    return senseless;
  }
  const auto id = ToInt(stat.substr(0, begin));
  const std::vector<std::string_view> fields = Split(Trim(stat.substr(end + 1)), ' ');
  if (!id || fields.size() <= kProcessor - kFirstField) return senseless;
  const auto user = ParseUint(fields[kUserTicks - kFirstField]);
  const auto system = ParseUint(fields[kSystemTicks - kFirstField]);
  const auto cpu = ToInt(fields[kProcessor - kFirstField]);
  if (!user || !system || !cpu) return senseless;
  ProcessThread thread;
  thread.id = *id;
  thread.name = stat.substr(begin + 1, end - begin - 1);
  thread.cpu = *cpu;
  thread.cpu_ticks = *user + *system;
  return thread;
}

Result<std::vector<ProcessThread>> ReadProcessThreads(const std::string& root, int pid) {
  const std::string tasks = ProcessDirectory(root, pid) + "/task";
  const Result<std::vector<std::string>> names = ListDirectory(tasks);
  if (!names.ok()) return names.status();
  std::vector<ProcessThread> threads;
  for (const std::string& name : names.value()) {
    if (auto thread = ReadThread(tasks + "/" + name)) threads.push_back(std::move(*thread));
  }
  std::ranges::sort(threads, {}, &ProcessThread::id);
  return threads;
}

}  // namespace memtiers
