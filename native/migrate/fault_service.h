// The process' userfaultfd that holds accesses back, with the thread that reads what waits on it.
//
// Thread-safe. Started by the first Get and never stopped: chunks of every heap of every thread are
// registered with it. The thread runs no code but the watches', blocks all signals, and touches no
// memory of any heap.
#pragma once

#include <cerrno>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/status.h"
#include "sys/userfaultfd.h"

namespace memtiers {

// Decides what becomes of writes to a protected chunk.
class WriteWatch {
 public:
  WriteWatch() = default;
  WriteWatch(const WriteWatch&) = delete;
  WriteWatch& operator=(const WriteWatch&) = delete;
  virtual ~WriteWatch() = default;

  // Somebody waits to write a page: either the protection is lifted, or the writer is left waiting
  // until it is woken. False: ask again, the kernel was busy. On the service's thread; must not
  // wait for anybody who moves mappings.
  virtual bool OnWrite(const Userfaultfd& userfaultfd, std::byte* page) = 0;
};

class FaultService {
 public:
  // kNoPermission, kUnavailable: this process gets no full userfaultfd.
  static Result<FaultService*> Get();

  const Userfaultfd& userfaultfd() const { return userfaultfd_; }

  // Who is asked about writes to the chunk from here on; instead of the watch before, if there was
  // one, which has answered its last when this returns. REQUIRES: chunk aligned; no lock is held
  // that a watch takes.
  void Watch(std::byte* chunk, std::shared_ptr<WriteWatch> watch);
  void Unwatch(std::byte* chunk);

 private:
  explicit FaultService(Userfaultfd userfaultfd) : userfaultfd_(std::move(userfaultfd)) {}

  static Result<FaultService*> Start();
  [[noreturn]] void Serve();
  bool Answer(std::byte* page);

  Userfaultfd userfaultfd_;
  std::mutex mutex_;
  std::unordered_map<std::byte*, std::shared_ptr<WriteWatch>> watches_;
};

// Repeats a call for as long as the kernel is busy moving a mapping of this process. Not on the
// service's thread, which the kernel waits for.
template <typename Call>
Status UntilNotBusy(const Call& call) {
  for (;;) {
    Status status = call();
    if (status.error() != EAGAIN) return status;
    std::this_thread::yield();
  }
}

}  // namespace memtiers
