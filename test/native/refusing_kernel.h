// Runs code in a child process where one system call fails, as in a container or on a kernel in
// trouble.
#pragma once

#include <cstdint>
#include <functional>

namespace memtiers {

struct Refusal {
  long syscall_number = 0;
  int error = 0;
  // Only calls whose second argument has one of these bits; 0: all calls.
  uint32_t second_argument_bits = 0;
};

// Whether `body` returned true in a child process in which the system call is refused. The child
// ends without running anything else, so `body` must not use doctest's assertions.
bool WithSyscallRefused(const Refusal& refusal, const std::function<bool()>& body);

}  // namespace memtiers
