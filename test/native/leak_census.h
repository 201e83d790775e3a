// What a process has of the kernel, counted before and after something: whoever does not give back
// what he took is told.
//
// Descriptors and threads must be as before, and so must mappings of files and devices, which are
// what a pool, a heap or a tracker makes. Anonymous mappings are counted apart: most of them are
// the C library's, which keeps arenas and the stacks of threads that have ended as it likes, and
// the sanitizers'. So only who does the same many times can tell a leak from those.
#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace memtiers {

struct Census {
  std::map<std::string, int> descriptors;  // by what they are of
  std::map<std::string, int> files;        // mappings, by path
  size_t threads = 0;
  size_t anonymous = 0;  // mappings

  static Census Take();
  // What there is more of than in an earlier one, in words; empty: nothing.
  std::string MoreThan(const Census& earlier) const;
};

// What the process begins with its first use and keeps to its end, by design: the service that
// holds accesses back (migrate/fault_service.h) with its thread, and the recorder of written pages
// (track/write_recording.h). Each may appear once in a run.
struct LastingServices {
  int userfaultfds = 2;
  size_t threads = 1;
};

// Waits for what ends by itself soon after it was told to, such as threads. What there is more of
// than before even then; what of it is a lasting service is taken from `services` and not told.
std::string LeakedSince(const Census& earlier, LastingServices& services);

}  // namespace memtiers
