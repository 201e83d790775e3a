// Moves a chunk of plain memory to a file or device behind write protection: readers never wait,
// writers only while the last written pages are copied and the mapping is replaced.
//
// Any thread. First the chunk is copied while writers go on and are noted page by page; then
// writers are held back. Facts that shaped it: protecting never-touched pages needs Linux 6.4 or a
// populating read; mremap replaces a mapping in one step, where unmapping and mapping would leave a
// gap. On failure the chunk is as it was.
#pragma once

#include "migrate/live_step.h"

namespace memtiers {

// Where the chunk lies now.
Result<Backing> MoveBehindWriteProtection(LiveStep& step);

// Puts the chunk's shadow in its place, without a copy. kBusy: it was written since, and is no
// shadow any more; nothing happened.
Result<Backing> PutShadowBack(LiveStep& step, const Shadow& shadow);

// Makes the chunk's present place the shadow of `next`, plain memory with the same bytes that is
// about to be put over the chunk: watches it for writes. Nothing when the kernel will not.
std::shared_ptr<ShadowState> BeginShadow(const LiveStep& step, std::byte* next);
// Ends the watch, wherever that memory is by now.
void EndShadow(const LiveStep& step, std::byte* memory);

}  // namespace memtiers
