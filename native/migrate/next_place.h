// Where a chunk is going: a place on the target backend, filled while the chunk is still in use,
// and address space beside the heap from where it takes the chunk's place.
//
// One thread. A backend that can be written unmapped is: the kernel then brings in large pages that
// it need not clear, and takes no fault for each. Others are mapped and populated first. A place
// that does not come to use has to be given up.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "base/status.h"
#include "memory/backend.h"
#include "migrate/aside.h"

namespace memtiers {

class NextPlace {
 public:
  // Takes a new place of the target, or uses the one it has `reserved` for the chunk. kIo with one
  // reserved: it is bad, and not to be used again.
  static Result<NextPlace> Make(Backend& target, std::optional<Backing> reserved = std::nullopt);

  // Copies a part of the chunk to it, be it written meanwhile. kLost: the device lost some of what
  // was to be copied, and everybody has been told. kIo, kFull: the target did not take it.
  Status Put(size_t offset, const std::byte* from, size_t bytes);

  // Maps it beside the heap, without its pages: they come when they are touched.
  Status Map();
  // Maps it with its pages, so that from here on Put is a memcpy.
  Status Populate();
  // REQUIRES: Map or Populate was called.
  std::byte* address() const { return aside_.address(); }

  // Puts it over a chunk in one step. On failure nothing has changed. REQUIRES: as address().
  Status PutOver(std::byte* chunk) { return aside_.PutOver(chunk); }
  const Backing& backing() const { return backing_; }

  // The target's device failed here.
  bool Damaged() const { return bad_ || aside_.Damaged(); }

  // Gives it back, unless it was reserved; whether it must not be used again. REQUIRES: it was not
  // put over a chunk. Nothing else is called afterwards.
  bool GiveUp();

 private:
  NextPlace(Backend& target, Aside aside, std::optional<Backing> reserved)
      : target_(&target), aside_(std::move(aside)), reserved_(reserved.has_value()) {
    if (reserved) backing_ = *reserved;
  }

  Status Begin();
  Status Failed(Status status);

  Backend* target_;
  Aside aside_;
  Backing backing_;
  bool reserved_;
  bool mapped_ = false;
  bool populated_ = false;
  bool bad_ = false;
};

}  // namespace memtiers
