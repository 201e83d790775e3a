// Memory that can be lost without privileges: a mapped file in memory that is cut off, and memory
// errors reported to this thread as the kernel reports them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "sys/unique_fd.h"

namespace memtiers {

class LossyFile {
 public:
  // A file of ones (0xff).
  explicit LossyFile(size_t bytes);

  int fd() const { return fd_.get(); }
  // What is mapped beyond `bytes` raises SIGBUS from here on.
  void CutTo(size_t bytes) const;

 private:
  UniqueFd fd_;
};

// Sends this thread the signal for a memory error: `code` BUS_MCEERR_AR or BUS_MCEERR_AO, `shift`
// as si_addr_lsb.
void ReportMemoryError(const std::byte* address, int code, int shift);

// Opens the unnamed file in `directory` that this process opened last. Invalid when there is none.
UniqueFd OpenLastUnnamedFile(const std::string& directory);

}  // namespace memtiers
