// Flushes mappings of one open file, and does not forget an error.
//
// The kernel reports a failed write-back once for an open file, to whoever syncs next, for
// whichever part it was; and it takes the pages for clean (fsync(2), "errors"). So the next flush
// would succeed without the bytes being anywhere. Here a failure is final: every later flush fails,
// too.
//
// Thread-safe; flushes wait for each other, or the error of one's bytes could be told to another
// and both believe theirs are safe.
#pragma once

#include <cstddef>
#include <mutex>

#include "base/status.h"

namespace memtiers {

class WriteBack {
 public:
  // Writes changes to the file's medium and waits for it; true. kIo once any flush has failed; the
  // first failure has its own code.
  Result<bool> Flush(std::byte* address, size_t bytes);

 private:
  std::mutex mutex_;
  bool failed_ = false;
};

}  // namespace memtiers
