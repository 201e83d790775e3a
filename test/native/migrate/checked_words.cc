#include "migrate/checked_words.h"

namespace memtiers {
namespace {

constexpr int kSequenceBits = 40;
constexpr uint64_t kSequenceMask = (uint64_t{1} << kSequenceBits) - 1;

uint64_t Encode(size_t place, uint64_t sequence) {
  uint64_t hash = (place + 1) * 0x9e3779b97f4a7c15 ^ sequence * 0xbf58476d1ce4e5b9;
  hash ^= hash >> 29;
  hash *= 0x94d049bb133111eb;
  return (hash & ~kSequenceMask) | sequence;
}

bool IsWhole(size_t place, uint64_t word) { return word == Encode(place, word & kSequenceMask); }

// Not for its randomness: fast, and another for every thread.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 1) {}
  uint64_t Next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

 private:
  uint64_t state_;
};

// Of a batch some words are neighbours, as in a loop over an array, and some are anywhere.
constexpr int kBatch = 64;

}  // namespace

CheckedWords::CheckedWords(std::byte* memory, size_t bytes)
    : words_(reinterpret_cast<std::atomic<uint64_t>*>(memory)), count_(bytes / sizeof(uint64_t)) {
  for (size_t i = 0; i < count_; ++i) words_[i].store(Encode(i, 0), std::memory_order_relaxed);
}

CheckedWords::~CheckedWords() { Stop(); }

void CheckedWords::Start(int writers, int readers) {
  sequences_.resize(writers);
  for (auto& sequences : sequences_) sequences.assign(count_ / writers + 1, 0);
  for (int i = 0; i < writers; ++i) threads_.emplace_back([=, this] { Write(i, writers); });
  for (int i = 0; i < readers; ++i) threads_.emplace_back([=, this] { Read(i); });
}

void CheckedWords::Stop() {
  stopped_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void CheckedWords::Write(int writer, int writers) {
  Random random(writer + 1);
  std::vector<uint64_t>& sequences = sequences_[writer];
  const size_t owned = (count_ - writer + writers - 1) / writers;
  while (!stopped_.load(std::memory_order_relaxed)) {
    size_t own = random.Next() % owned;
    for (int i = 0; i < kBatch; ++i) {
      const size_t place = own * writers + writer;
      const uint64_t word = words_[place].load(std::memory_order_relaxed);
      if (word != Encode(place, sequences[own])) ++lost_;
      words_[place].store(Encode(place, ++sequences[own]), std::memory_order_relaxed);
      own = i % 8 == 7 ? random.Next() % owned : (own + 1) % owned;
    }
    writes_.fetch_add(kBatch, std::memory_order_relaxed);
  }
}

void CheckedWords::Read(int reader) {
  Random random(1000 + reader);
  std::vector<uint64_t> seen(count_, 0);
  while (!stopped_.load(std::memory_order_relaxed)) {
    size_t place = random.Next() % count_;
    for (int i = 0; i < kBatch; ++i) {
      const uint64_t word = words_[place].load(std::memory_order_relaxed);
      const uint64_t sequence = word & kSequenceMask;
      if (!IsWhole(place, word) || sequence < seen[place]) ++lost_;
      seen[place] = sequence;
      place = i % 8 == 7 ? random.Next() % count_ : (place + 1) % count_;
    }
    reads_.fetch_add(kBatch, std::memory_order_relaxed);
  }
}

bool CheckedWords::Whole() const {
  for (size_t i = 0; i < count_; ++i) {
    if (!IsWhole(i, words_[i].load(std::memory_order_relaxed))) return false;
  }
  return true;
}

}  // namespace memtiers
