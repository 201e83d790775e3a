// What processes that are killed at random did, and what they were told, in memory that survives
// them.
//
// Each process has keys of its own that nobody else changes. Of each, `told` is what it was told is
// so and `about` what it was about to make so: after its death the key must have one of the two.
// Values are known by a number, 0: none. Any process, any thread; the keys of a process are for it
// and for whoever outlives it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/status.h"

namespace memtiers {

// What both tortures report.
struct TortureCounts {
  uint64_t kills = 0;
  uint64_t operations = 0;  // that were done, of all kinds
  uint64_t stored = 0;
  uint64_t deleted = 0;
  uint64_t read = 0;
  uint64_t full = 0;  // refused for want of room: nothing is wrong with that
  // All of these are to be 0.
  uint64_t bad_reads = 0;  // a value that is none, or another one's, or changed while it was held
  uint64_t lost = 0;       // what was acknowledged and is not so
  uint64_t errors = 0;     // that no operation may give
  uint64_t damages = 0;    // found by a check
  uint64_t hangs = 0;
  std::string first_problem;
};

class TortureLedger {
 public:
  static constexpr uint32_t kMaxProcesses = 16;
  static constexpr uint32_t kMaxOwnKeys = 8;
  // A key that could not be read.
  static constexpr uint64_t kUnread = ~uint64_t{0};

  struct Unmap {
    void operator()(TortureLedger* ledger) const;
  };
  // Shared with all processes that are forked from now on.
  static std::unique_ptr<TortureLedger, Unmap> Make();

  std::atomic<uint64_t> operations, stored, deleted, read, full, bad_reads, lost, errors;
  // For one torture each: the counter's sum and extents given back; that all are to end.
  std::atomic<uint64_t> counted, given_back;
  std::atomic<bool> stop;

  // Counts a problem, and keeps what the first one was.
  void Note(std::atomic<uint64_t>& counter, const std::string& what);
  bool has_problem() const { return has_problem_; }
  const char* first_problem() const { return problem_.data(); }

  // Counts an operation that failed: no error if it was for want of room. False.
  bool Refused(const Status& status);
  // How a process ended that was to be killed: with a status, by itself. Whether it was killed.
  bool Ended(std::optional<int> status);

  // What process `index` is about to do to one of its own keys, and whether it was done.
  void Begin(uint32_t index, uint32_t key, uint64_t next) { about_[index][key] = next; }
  // What was refused has changed nothing.
  void End(uint32_t index, uint32_t key, bool done);
  // Whether it may have died between the two.
  bool Undecided(uint32_t index, uint32_t key) const {
    return about_[index][key] != told_[index][key];
  }
  // Compares what a key has with what it must have; from here on it must have that.
  void Found(uint32_t index, uint32_t key, const std::string& name, uint64_t found);
  // No process has a value any more.
  void ForgetValues();

  // REQUIRES: no process is at work. Leaves what the ledger does not count.
  void Collect(TortureCounts& counts) const;

 private:
  using Values = std::array<std::array<std::atomic<uint64_t>, kMaxOwnKeys>, kMaxProcesses>;

  Values told_, about_;
  std::atomic<bool> has_problem_;
  std::array<char, 200> problem_{};
};

}  // namespace memtiers
