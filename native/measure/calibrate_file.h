// Measures the drive below a directory, past the page cache: latency of one random 4 KiB read,
// which is what a load from an uncached file costs, and sequential bandwidth at 1 MiB, one request
// at a time.
//
// Blocks the calling thread for about the duration asked for and leaves nothing behind. A cache in
// the drive, or in the host of a virtual disk, is part of what is measured.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "measure/calibrate.h"

namespace memtiers {

// Writes a file of up to `bytes` in `directory`; fewer when the drive is too slow for the duration.
//
// kInvalid: less than 1 MiB, or the duration is not positive. kUnavailable: no such directory, or
// no direct I/O there. kFull: no room. kIo: the drive failed.
Result<Calibration> CalibrateFile(const std::string& directory, size_t bytes,
                                  std::chrono::nanoseconds duration);

}  // namespace memtiers
