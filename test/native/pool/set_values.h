// Keys and values to fill a set with, and where their copies are. Whatever goes wrong fails the
// test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "pool/pool_set.h"

namespace memtiers {

std::string KeyAt(int number);

// Puts a value for each of the first `keys` keys; which it is follows from the seed.
void Fill(PoolSet& set, int keys, uint64_t seed = 0);
void CheckFilled(PoolSet& set, int keys, uint64_t seed = 0);

// How many devices have a key.
size_t CopiesOf(PoolSet& set, const std::string& key);
// Flips a bit in the payload of a device's copy. REQUIRES: it has one.
void Corrupt(PoolSet& set, uint32_t ordinal, const std::string& key);

}  // namespace memtiers
