#include "sys/perf_event.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <utility>

#include "base/bytes.h"
#include "sys/probe.h"
#include "sys/text_file.h"

namespace memtiers {
namespace {

constexpr size_t kRingBytes = 128 * kKiB;

Result<UniqueFd> OpenEvent(const PerfEvent& event, int thread, int group) {
  perf_event_attr attributes{};
  attributes.size = sizeof(attributes);
  attributes.type = event.type;
  attributes.config = event.config;
  attributes.config1 = event.config1;
  attributes.config2 = event.config2;
  attributes.sample_period = event.starts_group ? 0 : event.period;
  attributes.sample_type = PERF_SAMPLE_ADDR | PERF_SAMPLE_DATA_SRC;
  attributes.precise_ip = event.precise & 3U;
  attributes.exclude_kernel = event.filters_itself ? 0 : 1;
  attributes.exclude_hv = event.filters_itself ? 0 : 1;
  // One event a thread rather than inherited ones: an event that children inherit cannot be mapped
  // unless it is bound to a CPU (perf_mmap), and the threads there are would have none.
  UniqueFd fd(static_cast<int>(
      syscall(SYS_perf_event_open, &attributes, thread, -1, group, PERF_FLAG_FD_CLOEXEC)));
  if (fd.valid()) return fd;
  // EINVAL, too: a virtual machine may name events in /sys that its PMU does not have.
  const bool absent = errno == EINVAL || errno == ENODATA || errno == ENOENT || errno == EOPNOTSUPP;
  if (absent) {
    return Status::FromErrno(Code::kUnavailable, errno, "perf_event_open", event.name);
  }
  if (errno == EMFILE || errno == ENFILE) {
    return Status::FromErrno(Code::kFull, errno, "perf_event_open", event.name);
  }
  return Status::FromErrno(errno, "perf_event_open", event.name);
}

}  // namespace

int CurrentThread() { return static_cast<int>(gettid()); }

Result<std::vector<int>> ListThreads() {
  const Result<std::vector<std::string>> names = ListDirectory("/proc/self/task");
  if (!names.ok()) return names.status();
  std::vector<int> threads;
  for (const std::string& name : names.value()) {
    int thread = 0;
    (void)std::from_chars(name.data(), name.data() + name.size(), thread);
    if (thread > 0) threads.push_back(thread);
  }
  return threads;
}

void ThreadSampler::Unmap::operator()(void* address) const { munmap(address, bytes); }

Result<ThreadSampler> ThreadSampler::Open(std::span<const PerfEvent> events, int thread) {
  ThreadSampler sampler;
  int ring_fd = -1;
  int group = -1;
  for (const PerfEvent& event : events) {
    Result<UniqueFd> opened = OpenEvent(event, thread, group);
    if (!opened.ok()) return opened.status();
    const int fd = opened.value().get();
    sampler.events_.push_back(std::move(opened.value()));
    group = event.starts_group ? fd : -1;
    if (event.starts_group) continue;
    if (ring_fd >= 0) {
      if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring_fd) == 0) continue;
      return Status::FromErrno(errno, "PERF_EVENT_IOC_SET_OUTPUT", event.name);
    }
    // EPERM: more than may be locked; half of it may do.
    const size_t page_bytes = PageBytes();
    void* ring = MAP_FAILED;
    size_t bytes = 2 * kRingBytes;
    while (ring == MAP_FAILED && bytes > page_bytes) {
      bytes /= 2;
      ring = mmap(nullptr, page_bytes + bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (ring == MAP_FAILED) {
      return Status::FromErrno(Code::kFull, errno, "mmap", "a ring for " + event.name);
    }
    sampler.ring_ = Ring(ring, Unmap{.bytes = page_bytes + bytes});
    ring_fd = fd;
  }
  if (ring_fd < 0) return Status(Code::kInvalid, "no event to sample");
  return sampler;
}

RingRead ThreadSampler::Take(const std::function<void(const AccessSample&)>& take) {
  auto* const page = static_cast<perf_event_mmap_page*>(ring_.get());
  const size_t page_bytes = PageBytes();
  const std::span<const std::byte> ring(static_cast<const std::byte*>(ring_.get()) + page_bytes,
                                        ring_.get_deleter().bytes - page_bytes);
  // Pairs with the kernel's write of the head, and lets it reuse what was read only then.
  const uint64_t head = std::atomic_ref<__u64>(page->data_head).load(std::memory_order_acquire);
  const RingRead result = ReadSamples(ring, page->data_tail, head, take);
  std::atomic_ref<__u64>(page->data_tail).store(head, std::memory_order_release);
  return result;
}

}  // namespace memtiers
