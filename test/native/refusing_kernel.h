// Runs code in a child process where one system call fails, as in a container or on a kernel in
// trouble.
#pragma once

#include <functional>

namespace memtiers {

// Whether `body` returned true in a child in which every call of `syscall_number` fails with
// `error`. The child ends without running anything else, so `body` must not use doctest's
// assertions.
bool WithSyscallRefused(long syscall_number, int error, const std::function<bool()>& body);

}  // namespace memtiers
