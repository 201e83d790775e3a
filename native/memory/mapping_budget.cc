#include "memory/mapping_budget.h"

#include <atomic>

#include "sys/mapping.h"

namespace memtiers {
namespace {

std::atomic<int64_t> used_mappings = 0;

}  // namespace

void MappingBudget::Change(int64_t mappings) {
  used_mappings.fetch_add(mappings, std::memory_order_relaxed);
}

bool MappingBudget::HasRoom(size_t mappings) { return used() + mappings <= limit(); }

size_t MappingBudget::used() {
  return static_cast<size_t>(used_mappings.load(std::memory_order_relaxed));
}

size_t MappingBudget::limit() {
  static const size_t limit = MaxMappings() / 4;
  return limit;
}

}  // namespace memtiers
