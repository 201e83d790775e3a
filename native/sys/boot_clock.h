// Time that nobody can set and that goes on while the machine sleeps: for promises about how long
// ago something was, kept also by a laptop that was closed meanwhile.
#pragma once

#include <chrono>

namespace memtiers {

// Since the machine started (CLOCK_BOOTTIME). No system call where the kernel has a vDSO for it:
// some 25 ns.
std::chrono::nanoseconds TimeSinceBoot();

}  // namespace memtiers
