#include "track/mapping_split.h"

#include <doctest/doctest.h>

#include "base/bytes.h"
#include "memory/mapping_budget.h"
#include "track/mapping_areas.h"
#include "track/watched_memory.h"

namespace memtiers {
namespace {

size_t AreasOf(const WatchedMemory& memory) {
  const auto begin = reinterpret_cast<uintptr_t>(memory.chunk(0));
  return ReadMappingAreas(MappingText::kMaps, begin, begin + memory.bytes()).value().size();
}

// Leaves room for so many mappings until it goes out of scope.
class ScarceMappings {
 public:
  explicit ScarceMappings(size_t room)
      : taken_(static_cast<int64_t>(MappingBudget::limit() - MappingBudget::used() - room)) {
    MappingBudget::Change(taken_);
  }
  ScarceMappings(const ScarceMappings&) = delete;
  ScarceMappings& operator=(const ScarceMappings&) = delete;
  ~ScarceMappings() { MappingBudget::Change(-taken_); }

 private:
  int64_t taken_;
};

}  // namespace

TEST_CASE("each watched chunk gets a mapping of its own, and the budget is charged for it") {
  const WatchedMemory memory(9);
  const size_t before = MappingBudget::used();
  {
    MappingSplit split;
    split.Apply(WatchedChunks(memory.All()));
    CHECK(split.group_chunks() == 1);
    CHECK(AreasOf(memory) == 9);
    CHECK(MappingBudget::used() == before + 10);
  }
  CHECK(AreasOf(memory) == 1);
  CHECK(MappingBudget::used() == before);
}

TEST_CASE("when mappings are scarce, chunks share them instead of being refused") {
  const WatchedMemory memory(12);
  const WatchedChunks chunks(memory.All());
  const ScarceMappings scarce(4);
  MappingSplit split;
  split.Apply(chunks);
  CHECK(split.group_chunks() == 4);
  CHECK(AreasOf(memory) == 3);
  CHECK(MappingBudget::used() <= MappingBudget::limit());
}

TEST_CASE("without any room nothing is split") {
  const WatchedMemory memory(4);
  const ScarceMappings scarce(1);
  MappingSplit split;
  split.Apply(WatchedChunks(memory.All()));
  CHECK(split.group_chunks() == 0);
  CHECK(AreasOf(memory) == 1);
  split.Renew(2);
  CHECK(AreasOf(memory) == 1);
}

TEST_CASE("chunks that are no longer watched join their neighbours") {
  const WatchedMemory memory(6);
  MappingSplit split;
  split.Apply(WatchedChunks(memory.All()));
  CHECK(AreasOf(memory) == 6);
  std::vector<WatchedChunk> fewer = memory.All();
  fewer.resize(1);
  split.Apply(WatchedChunks(fewer));
  CHECK(AreasOf(memory) == 2);
}

}  // namespace memtiers
