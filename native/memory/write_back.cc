#include "memory/write_back.h"

#include "sys/mapping.h"

namespace memtiers {

Result<bool> WriteBack::Flush(std::byte* address, size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (failed_) {
    return Status(Code::kIo,
                  "an earlier write-back failed, and what it lost the kernel does not tell");
  }
  Status synced = SyncMapping(address, bytes);
  failed_ = !synced.ok();
  if (failed_) return synced;
  return true;
}

}  // namespace memtiers
