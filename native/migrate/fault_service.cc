#include "migrate/fault_service.h"

#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "sys/library.h"
#include "sys/probe.h"
#include "sys/quiet_thread.h"

namespace memtiers {
namespace {

std::byte* ChunkOf(std::byte* page) {
  const auto address = reinterpret_cast<uintptr_t>(page);
  return page - address % kChunkBytes;
}

}  // namespace

Result<FaultService*> FaultService::Get() {
  static const Result<FaultService*> service = Start();
  return service;
}

Result<FaultService*> FaultService::Start() {
  Result<Userfaultfd> opened = Userfaultfd::Open(Userfaultfd::Mode::kHoldBack);
  if (!opened.ok()) return opened.status();
  // Never deleted, and its code never unloaded: the thread lives as long as the process.
  auto* const service = new FaultService(std::move(opened.value()));
  PinLibraryOf(reinterpret_cast<const void*>(&ChunkOf));
  Status started = StartQuietThread(ThreadPace::kUrgent, [service] { service->Serve(); });
  if (!started.ok()) {
    delete service;
    return started;
  }
  return service;
}

void FaultService::Watch(std::byte* chunk, std::shared_ptr<WriteWatch> watch) {
  const std::lock_guard lock(mutex_);
  watches_.insert_or_assign(chunk, std::move(watch));
}

void FaultService::Unwatch(std::byte* chunk) {
  const std::lock_guard lock(mutex_);
  watches_.erase(chunk);
}

bool FaultService::Answer(std::byte* page) {
  // Through the answer: once a watch is replaced, it lifts no protection any more.
  const std::lock_guard lock(mutex_);
  const auto found = watches_.find(ChunkOf(page));
  if (found != watches_.end()) return found->second->OnWrite(userfaultfd_, page);
  // Nobody watches any more: the protection is gone or about to go, and the writer was woken, or
  // this wakes it.
  return userfaultfd_.Unprotect(page, PageBytes()).code() != Code::kBusy;
}

void FaultService::Serve() {
  std::vector<std::byte*> waiting;
  std::array<Fault, 64> faults;
  for (;;) {
    // A kernel that is busy moving a mapping waits for this thread to read about it.
    const size_t found = userfaultfd_.ReadFaults(faults, waiting.empty() ? -1 : 0);
    for (const Fault& fault : std::span(faults).first(found)) {
      // Missing pages come by themselves, when what is being moved has arrived.
      if (fault.write_protected) waiting.push_back(fault.page);
    }
    std::erase_if(waiting, [this](std::byte* page) { return Answer(page); });
  }
}

}  // namespace memtiers
