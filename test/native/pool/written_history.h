// Changes of a few keys that a host makes one after the other, and which value each key may have
// at any moment of it.
//
// A value is known by its number, 0: none. What is begun may be seen; what is done is seen, and
// nothing older any more.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "line_trace.h"
#include "pool/pool.h"

namespace memtiers {

struct WrittenChange {
  enum class Kind { kPut, kDelete, kRead, kMaintain, kWantAll, kRejoin };

  Kind kind = Kind::kPut;
  size_t member = 0;  // of the host's two
  size_t key = 0;
  uint64_t value = 0;  // kPut
};

class WrittenHistory {
 public:
  static constexpr size_t kKeys = 5;

  // Chosen at random.
  WrittenHistory(uint64_t seed, size_t changes);

  static std::string KeyAt(size_t key) { return "key " + std::to_string(key); }
  // Whether a payload is that value.
  static bool Is(std::span<const std::byte> payload, uint64_t value);

  // Records the changes in a new pool, some of whose values a dead member has left.
  LineTrace Record(const std::shared_ptr<const PoolFile>& file) const;

  size_t size() const { return changes_.size(); }
  const WrittenChange& operator[](size_t change) const { return changes_[change]; }

 private:
  std::vector<WrittenChange> changes_;
};

// Which values keys may have, as a trace of a history goes on.
class WrittenValues {
 public:
  explicit WrittenValues(const WrittenHistory& history);

  void Follow(const LineEvent& event);
  // Numbers in the order of all values the key has had: the last one done, the last one begun.
  size_t Oldest(size_t key) const { return keys_[key].done; }
  size_t Newest(size_t key) const { return keys_[key].values.size() - 1; }
  uint64_t At(size_t key, size_t number) const { return keys_[key].values[number]; }
  // The last version that was told of a change of the key.
  uint64_t Version(size_t key) const { return keys_[key].version; }
  uint64_t changes_done() const { return changes_done_; }

 private:
  struct OfKey {
    std::vector<uint64_t> values;
    size_t done = 0;
    uint64_t version = 0;
  };

  const WrittenHistory* history_;
  std::vector<OfKey> keys_;
  uint64_t changes_done_ = 0;
};

}  // namespace memtiers
