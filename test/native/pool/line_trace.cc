#include "line_trace.h"

#include <sys/mman.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "stepped_child.h"

namespace memtiers {
namespace {

struct Said {
  LineEvent::Kind kind;
  uint64_t at;
  uint64_t count;
};

// Shared with the child.
struct Log {
  static constexpr uint64_t kRoom = uint64_t{1} << 18;

  std::atomic<uint64_t> said;
  const std::byte* base;
  uint64_t bytes;
  std::array<Said, kRoom> entries;
};

Log* log = nullptr;

void Say(LineEvent::Kind kind, uint64_t at, uint64_t count) {
  const uint64_t index = log->said.load(std::memory_order_relaxed);
  if (index == Log::kRoom) std::abort();
  log->entries[index] = {.kind = kind, .at = at, .count = count};
  log->said.store(index + 1, std::memory_order_release);
}

void SayCall(CoherenceCall call, const void* address, size_t bytes) {
  // What a writer drops from its caches is written back on the way: on x86 by the same instruction.
  (void)call;
  const auto* const from = static_cast<const std::byte*>(address);
  if (bytes == 0 || from < log->base || from >= log->base + log->bytes) return;
  const uint64_t first = static_cast<uint64_t>(from - log->base) / kPoolLineBytes;
  const uint64_t last = (static_cast<uint64_t>(from - log->base) + bytes - 1) / kPoolLineBytes;
  Say(LineEvent::Kind::kWrittenBack, first, last - first + 1);
}

}  // namespace

void SayBegun(uint64_t change) { Say(LineEvent::Kind::kBegun, change, 0); }
void SayDone(uint64_t change, uint64_t version) { Say(LineEvent::Kind::kDone, change, version); }

LineTrace RecordLines(const PoolFile& file, const std::function<void()>& prepare,
                      const std::function<void()>& work) {
  const std::byte* const base = file.memory().base();
  const uint64_t bytes = file.layout().sizes().capacity_bytes;
  void* const memory =
      mmap(nullptr, sizeof(Log), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return {.start = {}, .events = {}, .problem = "no memory for the log"};
  log = new (memory) Log;
  log->base = base;
  log->bytes = bytes;
  LineTrace trace;
  {
    SteppedChild child([&] {
      prepare();
      SteppedChild::Pause();
      coherence_observer = SayCall;
      work();
    });
    if (!child.AwaitPause()) trace.problem = "the preparation failed";
    trace.start.assign(base, base + bytes);
    std::vector<std::byte> last = trace.start;
    uint64_t heard = 0;
    const auto look = [&] {
      if (std::memcmp(last.data(), base, bytes) != 0) {
        for (uint64_t at = 0; at < bytes; at += kPoolLineBytes) {
          if (std::memcmp(&last[at], base + at, kPoolLineBytes) == 0) continue;
          std::memcpy(&last[at], base + at, kPoolLineBytes);
          LineEvent event{.kind = LineEvent::Kind::kStored, .at = at / kPoolLineBytes};
          std::memcpy(event.bytes.data(), base + at, kPoolLineBytes);
          trace.events.push_back(event);
        }
      }
      for (; heard < log->said.load(std::memory_order_acquire); ++heard) {
        const Said& said = log->entries[heard];
        trace.events.push_back({.kind = said.kind, .at = said.at, .count = said.count});
      }
    };
    if (trace.problem.empty()) trace.problem = child.StepToEnd(look);
  }
  munmap(memory, sizeof(Log));
  log = nullptr;
  return trace;
}

}  // namespace memtiers
