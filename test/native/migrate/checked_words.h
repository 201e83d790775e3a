// Threads that write and read words of memory and notice when one is lost, torn, zeroed or old.
//
// Every word holds a sequence number and a hash of it and of the word's place. A writer owns its
// words: it checks the last value it wrote before it writes the next. Readers read any word, and
// its sequence number never goes back.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace memtiers {

class CheckedWords {
 public:
  // Fills the memory. It stays the caller's.
  CheckedWords(std::byte* memory, size_t bytes);
  // Stops.
  ~CheckedWords();

  void Start(int writers, int readers);
  void Stop();

  // Checked writes and reads so far.
  uint64_t writes() const { return writes_.load(); }
  uint64_t reads() const { return reads_.load(); }
  // Words that were not what they had to be.
  uint64_t lost() const { return lost_.load(); }

  // Whether every word is whole. REQUIRES: stopped.
  bool Whole() const;

 private:
  void Write(int writer, int writers);
  void Read(int reader);

  std::atomic<uint64_t>* words_;
  size_t count_;
  std::vector<std::vector<uint64_t>> sequences_;  // by writer, of its words
  std::vector<std::thread> threads_;
  std::atomic<bool> stopped_ = false;
  std::atomic<uint64_t> writes_ = 0;
  std::atomic<uint64_t> reads_ = 0;
  std::atomic<uint64_t> lost_ = 0;
};

}  // namespace memtiers
