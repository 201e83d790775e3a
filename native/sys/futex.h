// Sleeping until one of several 32-bit words of shared memory changes, whichever process changes
// it.
//
// Words may lie in files and devices that processes map each for themselves. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>

namespace memtiers {

struct FutexWord {
  const uint32_t* word = nullptr;  // mapped readable, aligned to 4 bytes
  uint32_t expected = 0;           // the caller sleeps only while the word has this
};

enum class FutexWait {
  kWoken,  // a word has changed, or somebody woke its sleepers, or there was no reason
  kTimeout,
  kUnsupported,  // the kernel (before 5.16), its filter, or a word's memory does not let us
};

// Sleeps on all of them at once, up to 128.
FutexWait WaitForAny(std::span<const FutexWord> words, std::chrono::milliseconds timeout);

// Wakes all that sleep on a word, in whatever process. The word is to be changed before. A system
// call.
void WakeSleepers(uint32_t* word);

}  // namespace memtiers
