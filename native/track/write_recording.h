// Records which pages are written, by write protection that lifts itself (userfaultfd in WP_ASYNC
// mode, Linux 6.7). One descriptor a process, opened when first needed.
//
// Any thread; calls for ranges that overlap are put in order. A range can be registered with one
// userfaultfd only: whoever needs another registration (a move that holds writers back) pauses the
// recording meanwhile, and whoever records starts it again later. Starting costs 16 ms per GiB of
// small pages, and so does stopping.
#pragma once

#include <cstddef>

#include "base/status.h"

namespace memtiers {

// Registers a range and protects it. kBusy: another registration is on it, or it is paused.
Status StartRecordingWrites(std::byte* address, size_t bytes);

// Ends the recording; nothing happens where none was started.
void StopRecordingWrites(std::byte* address, size_t bytes);

// Ends the recording of a range, and keeps it from being started for as long as this lives.
class RecordingPause {
 public:
  RecordingPause(std::byte* address, size_t bytes);
  RecordingPause(const RecordingPause&) = delete;
  RecordingPause& operator=(const RecordingPause&) = delete;
  ~RecordingPause();

 private:
  std::byte* address_;
  size_t bytes_;
};

}  // namespace memtiers
