// The part of the heap that is about runs which other threads hold.
#include <iterator>
#include <utility>

#include "base/bytes.h"
#include "memory/heap.h"

namespace memtiers {

Result<std::string> Heap::Share(uint32_t first, uint64_t bytes, std::function<void()> unheld) {
  const Result<RunView> view = RunAt(first);
  if (!view.ok()) return view.status();
  if (bytes == 0 || bytes > view.value().chunks * kChunkBytes) {
    return Status(Code::kInvalid, "a share of more bytes than the run has, or of none");
  }
  Run& run = RunOf(first);
  if (run.share == nullptr) {
    run.share = SharedRun::Publish(run.address, bytes, std::move(unheld));
  } else if (run.share->bytes() != bytes) {
    return Status(Code::kInvalid, "the run was shared with another size");
  }
  return run.share->token();
}

Result<uint32_t> Heap::Holders(uint32_t first) const {
  const Result<RunView> view = RunAt(first);
  if (!view.ok()) return view.status();
  const auto& share = Find(first)->second.share;
  return share == nullptr ? 0 : share->holders();
}

Result<std::unique_lock<std::mutex>> Heap::KeepAlone(uint32_t chunk) const {
  const auto& share = Find(chunk)->second.share;
  if (share == nullptr) return std::unique_lock<std::mutex>();
  std::unique_lock<std::mutex> alone = share->KeepAlone();
  if (!alone.owns_lock()) return Status(Code::kBusy, "another thread holds the run");
  return alone;
}

// False: somebody holds the run.
bool Heap::ReleaseIfIdle(Runs::iterator run) {
  const Run& state = run->second;
  if (state.share != nullptr && state.share->holders() > 0) return false;
  if (state.freed && state.uses == 0) Release(run);
  return true;
}

bool Heap::ReleaseUnheld() {
  bool held = false;
  for (auto run = runs_.begin(); run != runs_.end();) {
    const auto next = std::next(run);
    if (run->second.freed) held = !ReleaseIfIdle(run) || held;
    run = next;
  }
  CloseBackends();
  return held;
}

}  // namespace memtiers
