// Moves chunks between backends of ordinary memory, in the background, while they are in use.
//
// Begin and Finish belong to the heap's owner thread, Run to any other; between Begin and Finish
// the run is in use, so it can be freed by its owner without harm.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "memory/heap.h"
#include "migrate/move_result.h"

namespace memtiers {

class MoveJob {
 public:
  // Charges the target's budget for all chunks. kInvalid: a chunk or the target cannot take part;
  // kFull: the target has no room; kBusy: another move of this run is under way.
  static Result<MoveJob> Begin(Heap& heap, uint32_t first, uint32_t chunks, uint32_t backend);

  // Migrates the pages. A chunk that cannot be moved whole is sent back.
  void Run();

  // Writes the outcome into the heap's books. REQUIRES: called once, after Run.
  MoveResult Finish(Heap& heap);

 private:
  struct Step {
    uint32_t chunk = 0;
    std::byte* address = nullptr;
    std::optional<int> home;  // node to send a half-moved chunk back to
    bool stays = false;       // the target's already: looked at, and brought home if need be
    bool verified = true;
    bool applied = false;
  };

  bool Move(Step& step, int node);

  std::vector<Step> steps_;
  uint32_t backend_ = 0;
  std::optional<int> node_;  // nothing: the target takes memory from anywhere
  std::string no_room_;      // why no more chunks are tried
  MoveResult result_;
};

}  // namespace memtiers
