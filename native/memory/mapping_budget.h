// How many mappings (VMAs) the heaps of this process may have: a quarter of vm.max_map_count. At
// the full limit mmap fails for everybody in the process, V8 included.
//
// Process-wide and thread-safe. Counts borders between chunks that the kernel cannot merge, so it
// is an estimate from above, but for pages a device lost (sys/bus_fault.h), which are not counted.
#pragma once

#include <cstddef>
#include <cstdint>

namespace memtiers {

class MappingBudget {
 public:
  // Adds to the count, or subtracts. Never refuses: what is mapped is mapped.
  static void Change(int64_t mappings);

  // Whether so many more would stay within the budget.
  static bool HasRoom(size_t mappings);

  static size_t used();
  static size_t limit();
};

}  // namespace memtiers
