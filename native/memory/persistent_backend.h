// A file with a name, or a whole devdax device, with the contents it has: memory that outlives the
// process.
//
// One run at a time, mapped from the beginning; nothing is cleared when it is mapped and nothing is
// given back when it is freed. The file or device is locked while the backend lives. Files are made
// if need be, have all their blocks before they are mapped (but for holes that were there, where
// the file system cannot fill them), and only ever grow. After a failed flush every other one fails
// until the file is opened anew.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "memory/backend.h"
#include "memory/write_back.h"
#include "sys/unique_fd.h"

namespace memtiers {

struct PersistentBackendParams {
  std::string path;
  uint64_t capacity_bytes = 0;
};

class PersistentBackend final : public Backend {
 public:
  // kUnavailable: neither a file nor a devdax device (a block device is neither), or it cannot be
  // made. kBusy: in use. kFull: a device that is smaller.
  static Result<std::unique_ptr<Backend>> Open(const PersistentBackendParams& params);

  BackendKind kind() const override { return BackendKind::kPersistent; }
  std::string note() const override { return note_; }
  Result<MappedRun> Map(const MapRequest& request) override;
  void Release(std::span<const Backing> backings) override;
  Status Prefault(std::byte* address, size_t bytes) const override;
  bool durable() const override;
  Result<bool> Flush(std::byte* address, size_t bytes) const override;

 private:
  PersistentBackend(UniqueFd fd, std::string path, bool is_file, bool persistent)
      : fd_(std::move(fd)), path_(std::move(path)), is_file_(is_file), persistent_(persistent) {}

  Status MapContents(std::byte* address, size_t bytes);

  UniqueFd fd_;
  std::string path_;
  bool is_file_;     // else a device, which msync does not know
  bool persistent_;  // the medium keeps what reaches it
  mutable WriteBack write_back_;
  bool mapped_ = false;
  std::string note_;
};

}  // namespace memtiers
