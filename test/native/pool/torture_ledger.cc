#include "torture_ledger.h"

#include <doctest/doctest.h>
#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace memtiers {

std::unique_ptr<TortureLedger, TortureLedger::Unmap> TortureLedger::Make() {
  void* const memory = mmap(nullptr, sizeof(TortureLedger), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  return std::unique_ptr<TortureLedger, Unmap>(new (memory) TortureLedger{});
}

void TortureLedger::Unmap::operator()(TortureLedger* ledger) const {
  munmap(ledger, sizeof(TortureLedger));
}

void TortureLedger::Note(std::atomic<uint64_t>& counter, const std::string& what) {
  ++counter;
  if (has_problem_.exchange(true)) return;
  what.copy(problem_.data(), problem_.size() - 1);
}

bool TortureLedger::Refused(const Status& status) {
  if (status.code() == Code::kFull) {
    ++full;
  } else {
    Note(errors, std::string(CodeName(status.code())) + " " + status.what());
  }
  return false;
}

bool TortureLedger::Ended(std::optional<int> status) {
  if (!status.has_value()) return true;
  Note(errors, "a process ended by itself, status " + std::to_string(*status));
  return false;
}

void TortureLedger::End(uint32_t index, uint32_t key, bool done) {
  if (done) told_[index][key] = about_[index][key].load();
  about_[index][key] = told_[index][key].load();
}

void TortureLedger::Found(uint32_t index, uint32_t key, const std::string& name, uint64_t found) {
  if (found == kUnread) return;
  const uint64_t told = told_[index][key];
  const uint64_t about = about_[index][key];
  if (found != told && found != about) {
    Note(lost, name + " has " + std::to_string(found) + ", was told " + std::to_string(told) +
                   ", about to " + std::to_string(about));
  }
  told_[index][key] = found;
  about_[index][key] = found;
}

void TortureLedger::ForgetValues() {
  for (auto& told : told_) std::ranges::fill(told, uint64_t{0});
  for (auto& about : about_) std::ranges::fill(about, uint64_t{0});
}

void TortureLedger::Collect(TortureCounts& counts) const {
  counts.operations = operations;
  counts.stored = stored;
  counts.deleted = deleted;
  counts.read = read;
  counts.full = full;
  counts.bad_reads = bad_reads;
  counts.lost = lost;
  counts.errors = errors;
  counts.first_problem = first_problem();
}

}  // namespace memtiers
