// Moves one chunk to another backend at the same address by copying, on the calling thread.
//
// The heap's owner thread, and no other thread may access the chunk meanwhile. The owner is stopped
// for the copy: about 0.2 to 0.6 ms. References to the bytes, external ArrayBuffers included, stay
// valid. Whatever fails, the chunk is left as it was, on its old backend.
#pragma once

#include <cstdint>

#include "memory/heap.h"
#include "migrate/move_result.h"

namespace memtiers {

// kFull, kMisplaced, kIo: the target could not take it. kBusy: background work is using the run.
// kLost: the device lost some of the chunk, before or during the copy; moving it would make good
// data of the zeroes. kInvalid: no such chunk, or a backend that cannot keep addresses.
Result<MoveResult> RebackChunk(Heap& heap, uint32_t chunk, uint32_t backend);

}  // namespace memtiers
