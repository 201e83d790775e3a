// Mappings a source causes beyond those of the heap, charged to this process' budget for as long as
// it causes them. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

#include "memory/mapping_budget.h"

namespace memtiers {

class MappingCharge {
 public:
  MappingCharge() = default;
  MappingCharge(const MappingCharge&) = delete;
  MappingCharge& operator=(const MappingCharge&) = delete;
  ~MappingCharge() { MappingBudget::Change(-static_cast<int64_t>(mappings_)); }

  // Charges so many instead of what was charged; false, and nothing changes, when they are more
  // than there is room for.
  bool Set(size_t mappings) {
    const size_t more = mappings > mappings_ ? mappings - mappings_ : 0;
    if (more > 0 && !MappingBudget::HasRoom(more)) return false;
    MappingBudget::Change(static_cast<int64_t>(mappings) - static_cast<int64_t>(mappings_));
    mappings_ = mappings;
    return true;
  }

 private:
  size_t mappings_ = 0;
};

}  // namespace memtiers
