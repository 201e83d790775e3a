// What is done for a member that is gone: nobody waits for him, nothing of his is lost or used
// twice.
//
// Whoever recovers says in the member's word which host he is of: those of his host the member's
// lock byte keeps away, those of others this word. Every step is a store or a compare-and-swap of
// one word and may be repeated, so whoever recovers may die at any point and the next one begins
// again. Takes microseconds, and a few nanoseconds for each extent of the pool.
#pragma once

#include <cstdint>

#include "pool/pool_memory.h"

namespace memtiers {

// What a host says of itself in a member's word.
uint16_t HostTag(uint64_t boot);

// REQUIRES: nobody else of this host recovers the member, and he will not do anything ever again:
// the caller has his lock byte, is himself and done, or somebody who may has declared him dead.
// Leaves him to another host that is at it, unless `take_over`: that host is gone, too, or there is
// none.
void RecoverMember(const PoolMemory& memory, uint32_t member, uint16_t host, bool take_over);

}  // namespace memtiers
