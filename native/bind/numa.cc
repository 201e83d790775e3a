#include "bind/numa.h"

#include <climits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bind/arguments.h"
#include "bind/errors.h"
#include "bind/task.h"
#include "sys/thread_affinity.h"
#include "sys/thread_list.h"
#include "sys/thread_policy.h"
#include "topology/cpus.h"
#include "topology/kernel_counters.h"
#include "topology/process_memory.h"
#include "topology/process_threads.h"

namespace memtiers {
namespace {

constexpr uint64_t kMostCpu = 65535;
constexpr uint64_t kMostNode = 1023;

// Counters stay exact up to 2^53.
Napi::Number ToNumber(Napi::Env env, uint64_t value) {
  return Napi::Number::New(env, static_cast<double>(value));
}

template <typename T, typename Convert>
Napi::Array ToArray(Napi::Env env, const std::vector<T>& values, Convert convert) {
  Napi::Array array = Napi::Array::New(env, values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    array.Set(static_cast<uint32_t>(i), convert(values[i]));
  }
  return array;
}

Napi::Array ToArray(Napi::Env env, const std::vector<int>& values) {
  return ToArray(env, values, [env](int value) { return Napi::Number::New(env, value); });
}

Napi::Array ToArray(Napi::Env env, const std::vector<std::string>& values) {
  return ToArray(env, values,
                 [env](const std::string& value) { return Napi::String::New(env, value); });
}

std::vector<int> ToNumbers(Napi::Value value, const char* name, uint64_t most) {
  if (!value.IsArray()) ThrowInvalid(value.Env(), name, "an array of numbers");
  const auto array = value.As<Napi::Array>();
  std::vector<int> numbers;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value member = array.Get(i);
    numbers.push_back(static_cast<int>(ToUnsigned(member, name, most)));
  }
  return numbers;
}

int ToThread(Napi::Value value) { return static_cast<int>(ToUnsigned(value, "threadId", INT_MAX)); }

const char* NameOf(CacheType type) {
  switch (type) {
    case CacheType::kData:
      return "data";
    case CacheType::kInstruction:
      return "instruction";
    case CacheType::kUnified:
      return "unified";
  }
  return "unified";
}

Napi::Value DescribeCpus(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const CpuTopology topology = ScanCpus(ToText(info[0], "root"));
  Napi::Object value = Napi::Object::New(env);
  value["cpus"] = ToArray(env, topology.cpus, [env](const Cpu& cpu) {
    Napi::Object object = Napi::Object::New(env);
    object["id"] = Napi::Number::New(env, cpu.id);
    object["package"] = Napi::Number::New(env, cpu.package);
    object["core"] = Napi::Number::New(env, cpu.core);
    return object;
  });
  value["caches"] = ToArray(env, topology.caches, [env](const CpuCache& cache) {
    Napi::Object object = Napi::Object::New(env);
    object["level"] = Napi::Number::New(env, cache.level);
    object["type"] = NameOf(cache.type);
    object["sizeBytes"] = ToNumber(env, cache.size_bytes);
    object["cpus"] = ToArray(env, cache.cpus);
    return object;
  });
  value["allowedCpus"] = ToArray(env, topology.allowed_cpus);
  value["unreadable"] = ToArray(env, topology.unreadable);
  return value;
}

Napi::Value DescribeStamp(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), TopologyStamp(ToText(info[0], "root")));
}

Napi::Value DescribeCurrentNode(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), CurrentNode());
}

Napi::Value DescribeCurrentThread(const Napi::CallbackInfo& info) {
  const ThreadPlace place = ThisThread();
  Napi::Object value = Napi::Object::New(info.Env());
  value["cpu"] = Napi::Number::New(info.Env(), place.cpu);
  value["node"] = Napi::Number::New(info.Env(), place.node);
  value["threadId"] = Napi::Number::New(info.Env(), place.thread);
  return value;
}

Napi::Value DescribeThreadCpus(const Napi::CallbackInfo& info) {
  return ToArray(info.Env(), ValueOrThrow(info.Env(), ThreadCpus(ToThread(info[0]))));
}

void BindThread(const Napi::CallbackInfo& info) {
  const int thread = ToThread(info[0]);
  const std::vector<int> cpus = ToNumbers(info[1], "cpus", kMostCpu);
  ThrowIfFailed(info.Env(), cpus.empty() ? FreeThread(thread) : SetThreadCpus(thread, cpus));
}

Napi::Value DescribeThreadPolicy(const Napi::CallbackInfo& info) {
  const ThreadPolicy policy = ValueOrThrow(info.Env(), GetThreadPolicy());
  Napi::Object value = Napi::Object::New(info.Env());
  value["mode"] = Napi::Number::New(info.Env(), policy.mode);
  value["nodes"] = ToArray(info.Env(), policy.nodes);
  return value;
}

void BindThreadPolicy(const Napi::CallbackInfo& info) {
  const Napi::Object object = ToObject(info[0], "policy");
  const Napi::Value mode = object.Get("mode");
  const Napi::Value nodes = object.Get("nodes");
  const ThreadPolicy policy = {.mode = static_cast<int>(ToUnsigned(mode, "mode", INT_MAX)),
                               .nodes = ToNumbers(nodes, "nodes", kMostNode)};
  ThrowIfFailed(info.Env(), SetThreadPolicy(policy));
}

void BindThreadMemory(const Napi::CallbackInfo& info) {
  const int node = static_cast<int>(ToUnsigned(info[0], "node", kMostNode));
  ThrowIfFailed(info.Env(), PreferNodeForThread(node));
}

Napi::Value DescribeThreads(const Napi::CallbackInfo& info) {
  return ToArray(info.Env(), ValueOrThrow(info.Env(), ThreadIds()));
}

Napi::Value DescribeThreadStart(const Napi::CallbackInfo& info) {
  return ToNumber(info.Env(), ValueOrThrow(info.Env(), ThreadStart(ToThread(info[0]))));
}

// Work that is none: libuv starts all threads of its pool when the first work is queued, and they
// keep the CPUs that the thread has which queues it.
class PoolStart : public Task {
 protected:
  void Run() override {}
  Status Finish() override { return {}; }
};

Napi::Value StartThreadPool(const Napi::CallbackInfo& info) {
  return Task::Start(info.Env(), std::make_unique<PoolStart>());
}

Napi::Value DescribeKernelCounters(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const KernelCounters counters = ReadKernelCounters(ToText(info[0], "root"));
  Napi::Object value = Napi::Object::New(env);
  value["nodes"] = ToArray(env, counters.nodes, [env](const NodeAllocations& node) {
    Napi::Object object = Napi::Object::New(env);
    object["node"] = Napi::Number::New(env, node.node);
    object["hitPages"] = ToNumber(env, node.hit);
    object["missPages"] = ToNumber(env, node.miss);
    object["foreignPages"] = ToNumber(env, node.foreign);
    object["interleavedPages"] = ToNumber(env, node.interleave_hit);
    object["localPages"] = ToNumber(env, node.local);
    object["otherPages"] = ToNumber(env, node.other);
    return object;
  });
  value["balancingMode"] =
      counters.balancing_mode ? Napi::Number::New(env, *counters.balancing_mode) : env.Null();
  value["balancing"] = env.Null();
  if (counters.balancing) {
    Napi::Object object = Napi::Object::New(env);
    object["unmappedPages"] = ToNumber(env, counters.balancing->pte_updates);
    object["hintFaults"] = ToNumber(env, counters.balancing->hint_faults);
    object["localHintFaults"] = ToNumber(env, counters.balancing->hint_faults_local);
    object["migratedPages"] = ToNumber(env, counters.balancing->pages_migrated);
    value["balancing"] = object;
  }
  return value;
}

class ProcessMemoryTask : public Task {
 public:
  ProcessMemoryTask(std::string root, int pid) : root_(std::move(root)), pid_(pid) {}

 protected:
  void Run() override { result_ = ReadProcessMemory(root_, pid_); }
  Status Finish() override { return result_.status(); }
  Napi::Value ToValue(Napi::Env env) override {
    return ToArray(env, result_.value(), [env](const NodeMemory& memory) {
      Napi::Object object = Napi::Object::New(env);
      object["node"] = Napi::Number::New(env, memory.node);
      object["bytes"] = ToNumber(env, memory.bytes);
      object["placedBytes"] = ToNumber(env, memory.placed_bytes);
      return object;
    });
  }

 private:
  std::string root_;
  int pid_;
  Result<std::vector<NodeMemory>> result_ = std::vector<NodeMemory>();
};

Napi::Value DescribeProcessMemory(const Napi::CallbackInfo& info) {
  const int pid = static_cast<int>(ToUnsigned(info[1], "pid", INT_MAX));
  return Task::Start(info.Env(), std::make_unique<ProcessMemoryTask>(ToText(info[0], "root"), pid));
}

Napi::Value DescribeProcessThreads(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int pid = static_cast<int>(ToUnsigned(info[1], "pid", INT_MAX));
  const auto threads = ValueOrThrow(env, ReadProcessThreads(ToText(info[0], "root"), pid));
  return ToArray(env, threads, [env](const ProcessThread& thread) {
    Napi::Object object = Napi::Object::New(env);
    object["threadId"] = Napi::Number::New(env, thread.id);
    object["name"] = Napi::String::New(env, thread.name);
    object["cpu"] = Napi::Number::New(env, thread.cpu);
    object["cpus"] = ToArray(env, thread.cpus);
    object["cpuTicks"] = ToNumber(env, thread.cpu_ticks);
    return object;
  });
}

}  // namespace

void ExportNuma(Napi::Env env, Napi::Object exports) {
  // The first environment of a process loads the addon before anybody can ask for a binding.
  RememberStartCpus();
  const auto add = [&]<auto kCall>(const char* name) {
    exports.Set(name, Napi::Function::New<kCall>(env, name));
  };
  add.operator()<DescribeCpus>("describeCpus");
  add.operator()<DescribeStamp>("topologyStamp");
  add.operator()<DescribeCurrentNode>("currentNode");
  add.operator()<DescribeCurrentThread>("currentThread");
  add.operator()<DescribeThreadCpus>("threadCpus");
  add.operator()<BindThread>("setThreadCpus");
  add.operator()<DescribeThreadPolicy>("threadPolicy");
  add.operator()<BindThreadPolicy>("setThreadPolicy");
  add.operator()<BindThreadMemory>("preferThreadMemory");
  add.operator()<DescribeThreads>("threads");
  add.operator()<DescribeThreadStart>("threadStart");
  add.operator()<StartThreadPool>("startThreadPool");
  add.operator()<DescribeKernelCounters>("kernelCounters");
  add.operator()<DescribeProcessMemory>("processMemory");
  add.operator()<DescribeProcessThreads>("processThreads");
}

}  // namespace memtiers
