// What a member holds: objects that nobody may reuse while he reads them, whatever is deleted
// meanwhile.
//
// A hold is a word in the member's own part of the hold table; how often he holds an object is his
// own business and kept in ordinary memory. A hold protects only what the directory still names
// after it was stored: take, look again, then read. One thread at a time; a hold costs some 20 ns.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "pool/pool_memory.h"

namespace memtiers {

class Holds {
 public:
  // REQUIRES: the caller is that member.
  Holds(const PoolMemory& memory, uint32_t member);

  // Stores a hold that is visible to everybody before anything the caller reads next. Nothing: he
  // holds as many different objects as the pool lets a member.
  std::optional<uint32_t> Take(uint64_t word);
  // REQUIRES: `index` came from Take and was not released since.
  void Release(uint32_t index);

  uint32_t held() const { return held_; }

 private:
  uint32_t Bucket(uint64_t word) const;
  void Remember(uint32_t index);
  void Forget(uint32_t index);

  PoolMemory memory_;
  uint32_t member_;
  uint32_t held_ = 0;
  uint32_t limit_ = 0;  // as published
  std::vector<uint64_t> words_;
  std::vector<uint32_t> counts_;
  std::vector<uint32_t> free_;     // indices, the lowest last
  std::vector<uint32_t> buckets_;  // index + 1 by word, open addressing
};

// The granules that anybody holds now, sorted. What was unlinked before the call and is not among
// them can be reused. Reads the holds of all members.
std::vector<uint64_t> ReadHeldGranules(const PoolMemory& memory);

}  // namespace memtiers
