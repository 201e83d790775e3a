// Copying bytes that somebody may unmap while they are read.
//
// A buffer of JavaScript's can be transferred or shrunk while another thread reads it, and a load
// from memory that is gone would end the process. So the kernel does the copying, which tells
// instead (process_vm_readv(2) on ourselves). Where it may not, as under some seccomp profiles, it
// is an ordinary copy. Any thread; half as fast again as memcpy at worst.
#pragma once

#include <cstddef>
#include <span>

namespace memtiers {

// Whether all bytes were there to be copied; `to` has whatever came before those that were not.
// That they were the same all the while is the caller's to see to. REQUIRES: to.size() is
// from.size().
bool CopyCarefully(std::span<std::byte> to, std::span<const std::byte> from);

}  // namespace memtiers
