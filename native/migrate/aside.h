// A chunk's worth of address space beside the heap, where a chunk's next place is made ready.
//
// One thread. What its device loses while it is here reads as zeroes and is known; the address
// space is given back with whatever is still mapped there.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "base/status.h"
#include "sys/bus_fault.h"

namespace memtiers {

class Aside {
 public:
  static Result<Aside> Reserve();

  Aside(Aside&& other) noexcept
      : address_(std::exchange(other.address_, nullptr)), guard_(std::move(other.guard_)) {}
  Aside& operator=(Aside&&) = delete;
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;
  ~Aside();

  std::byte* address() const { return address_; }
  bool Damaged() const;

  // Moves what is mapped here over a chunk, in one step: every access there sees the one mapping or
  // the other. On failure nothing has changed.
  Status PutOver(std::byte* chunk);

 private:
  Aside(std::byte* address, std::unique_ptr<BusFaultGuard> guard)
      : address_(address), guard_(std::move(guard)) {}

  std::byte* address_;  // nullptr: it is not ours any more
  std::unique_ptr<BusFaultGuard> guard_;
};

}  // namespace memtiers
