#include "migrate/next_place.h"

#include <span>

#include "base/bytes.h"
#include "migrate/racing_copy.h"
#include "sys/mapping.h"

namespace memtiers {

Result<NextPlace> NextPlace::Make(Backend& target, std::optional<Backing> reserved) {
  Result<Aside> aside = Aside::Reserve();
  if (!aside.ok()) return aside.status();
  NextPlace place(target, std::move(aside.value()), reserved);
  Status begun = place.Begin();
  if (!begun.ok()) return begun;
  return place;
}

Status NextPlace::Begin() {
  if (target_->writes_unmapped()) {
    if (reserved_) return {};
    const Result<Backing> obtained = target_->Obtain();
    if (obtained.ok()) backing_ = obtained.value();
    return obtained.status();
  }
  if (reserved_) return Populate();
  // Populated: what cannot be had is an error here, where a copy would find a fault.
  const Result<MappedRun> mapped = target_->Map(
      {.address = aside_.address(), .chunks = 1, .populate = true, .overwritten = true});
  if (!mapped.ok()) return mapped.status();
  backing_ = mapped.value().backings.front();
  backing_.relocated = backing_.slot == Backing::kNoSlot;
  mapped_ = populated_ = true;
  return {};
}

// The device's fault, and not that of the chunk, which is lost to nobody.
Status NextPlace::Failed(Status status) {
  if (status.code() == Code::kLost) {
    status = Status::FromErrno(Code::kIo, status.error(), status.syscall(), status.what());
  }
  bad_ = bad_ || status.code() == Code::kIo;
  return status;
}

Status NextPlace::Put(size_t offset, const std::byte* from, size_t bytes) {
  if (populated_) {
    CopyRacing(aside_.address() + offset, from, bytes);
    return {};
  }
  Status written = target_->Write(backing_, offset, std::span(from, bytes));
  if (written.code() != Code::kLost) return Failed(std::move(written));
  // The kernel found it for us and tells nobody else; a touch records it where everybody asks.
  TouchForRead(from, bytes);
  return written;
}

Status NextPlace::Map() {
  if (mapped_) return {};
  Status mapped = target_->MapAgain(aside_.address(), backing_);
  mapped_ = mapped.ok();
  return mapped;
}

Status NextPlace::Populate() {
  if (populated_) return {};
  Status status = Map();
  if (status.ok()) status = Failed(PopulateWrite(aside_.address(), kChunkBytes));
  populated_ = status.ok();
  return status;
}

bool NextPlace::GiveUp() {
  const bool damaged = Damaged();
  // Unmapped first: a place that somebody can still write to is not free.
  {
    const Aside gone(std::move(aside_));
  }
  if (!reserved_) target_->GiveBack(std::span(&backing_, 1), damaged);
  return damaged;
}

}  // namespace memtiers
