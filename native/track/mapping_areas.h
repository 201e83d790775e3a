// The kernel's own account of this process' mappings, from the text of /proc/self/maps or smaps.
//
// Parsing is pure; reading asks the kernel, which walks the pages for smaps (5 ms per GiB of small
// pages and 5 us a mapping). Thread-safe.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace memtiers {

struct MappingArea {
  uintptr_t begin = 0;
  uintptr_t end = 0;
  bool file = false;  // or a device
  // From here on smaps only.
  uint64_t resident_bytes = 0;
  uint64_t referenced_bytes = 0;
  uint64_t huge_bytes = 0;   // mapped by huge page table entries
  bool huge_advice = false;  // of a file: DAX, to which the kernel gives it by itself
};

// Collects the areas that overlap [begin, end), line by line.
class MappingAreaParser {
 public:
  MappingAreaParser(uintptr_t begin, uintptr_t end) : begin_(begin), end_(end) {}

  // False: this line is of an area behind the range; nothing that follows matters.
  bool Take(std::string_view line);

  std::vector<MappingArea> Finish() { return std::move(areas_); }

 private:
  uintptr_t begin_;
  uintptr_t end_;
  bool inside_ = false;
  std::vector<MappingArea> areas_;
};

enum class MappingText { kMaps, kSmaps };

// The areas that overlap [begin, end), by address.
Result<std::vector<MappingArea>> ReadMappingAreas(MappingText text, uintptr_t begin, uintptr_t end);

}  // namespace memtiers
