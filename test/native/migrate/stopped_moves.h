// Tiers of memory and files for tests of moves, and moves that stop or fail where a test wants.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>

#include "base/bytes.h"
#include "memory/file_backend.h"
#include "memory/heap.h"
#include "memory/simulated_backend.h"
#include "migrate/live_move.h"
#include "migrate/move_point.h"

namespace memtiers {

// False, with a word about it, where live moves are refused.
bool CanMove();

// Memory and a file on a drive, four chunks each.
struct Tiers {
  std::unique_ptr<Heap> heap = std::move(Heap::Open(32 * kChunkBytes).value());
  uint32_t memory = AddMemory();
  uint32_t file = AddFile();

  uint32_t AddMemory() const;
  // In a directory on a drive: a file system in memory keeps no shadows.
  uint32_t AddFile() const;
  uint32_t Add(std::unique_ptr<Backend> backend) const;
  uint64_t Used(uint32_t backend) const {
    return heap->Stats(backend).value().mapped_bytes / kChunkBytes;
  }
  std::byte* AddressOf(uint32_t chunk) const { return heap->PartOfRun(chunk, 1).value().address; }
  // On a thread of its own.
  Result<MoveResult> Move(uint32_t chunk, uint32_t backend) const;
};

void Fill(std::byte* chunk, uint64_t seed);
bool IsFilled(const std::byte* chunk, uint64_t seed);

// Which points moves reach, where they fail, and where they wait while the gate is shut, for as
// long as this lives.
class HookedMoves {
 public:
  HookedMoves();
  ~HookedMoves();
  HookedMoves(const HookedMoves&) = delete;
  HookedMoves& operator=(const HookedMoves&) = delete;

  static void FailAt(std::optional<MovePoint> point);
  static void WaitAt(MovePoint point);
  static void OpenGate();
  static bool gate_open();
  // Whether somebody waits at the gate.
  static bool arrived();
  static bool Reached(MovePoint point);
};

// A move that stops at a point until it is let go.
class StoppedMove {
 public:
  StoppedMove(const Tiers& tiers, uint32_t chunk, uint32_t backend, MovePoint point);
  Result<MoveResult> LetGo();

 private:
  HookedMoves hooked_;
  Heap& heap_;
  LiveMove move_;
  std::thread mover_;
};

}  // namespace memtiers
