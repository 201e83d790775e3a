// A task on bytes of one run: keeps the run mapped while it works, and fails when the device lost
// any of the bytes by the time it has finished.
//
// Made and finished on the environment's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "bind/heap_state.h"
#include "bind/task.h"

namespace memtiers {

// A byte range inside one run.
struct RunBytes {
  uint32_t first = 0;
  uint64_t offset = 0;
  uint64_t length = 0;
};

class RunTask : public Task {
 public:
  RunTask(std::shared_ptr<HeapState> state, const RunBytes& range)
      : state_(std::move(state)), range_(range) {
    heap().BeginUse(range_.first);
  }

 protected:
  Status Finish() override {
    // Names the place, where a failed call only says that there is one.
    if (status_.ok() || status_.code() == Code::kLost) {
      Status intact = heap().CheckIntact(range_.first, range_.offset, range_.length);
      if (!intact.ok()) status_ = std::move(intact);
    }
    heap().EndUse(range_.first);
    return status_;
  }

  Heap& heap() const { return state_->heap(); }

  Status status_;

 private:
  std::shared_ptr<HeapState> state_;
  RunBytes range_;
};

}  // namespace memtiers
