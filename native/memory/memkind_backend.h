// Chunks from libmemkind, through the plugin. They lie at addresses memkind chooses, so they cannot
// change backend at a stable address, and are given back a whole run at a time. After a failed
// flush of a PMEM directory every other one fails as long as the backend lives.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "memory/backend.h"
#include "memory/write_back.h"
#include "plugins/memkind/abi.h"

namespace memtiers {

struct MemkindBackendParams {
  MemtiersMemkindKind kind = MEMTIERS_MEMKIND_HBW;
  std::string directory = {};  // only for PMEM
  uint64_t capacity_bytes = 0;
  std::string plugin_path = {};
};

class MemkindBackend final : public Backend {
 public:
  // kUnavailable: no plugin, no library, or no memory of that kind; the reason is the loader's or
  // memkind's. A PMEM directory fails as the file in it does, e.g. kNoPermission, kFull.
  static Result<std::unique_ptr<Backend>> Open(const MemkindBackendParams& params);

  ~MemkindBackend() override;

  BackendKind kind() const override { return BackendKind::kMemkind; }
  bool fixed_address() const override { return false; }
  std::string note() const override { return note_; }
  Result<MappedRun> Map(const MapRequest& request) override;
  void Release(std::span<const Backing> backings) override;
  void Retire(std::span<const Backing> backings) override { retired_ += backings.size(); }
  uint64_t retired_chunks() const override { return retired_; }
  Status Prefault(std::byte* address, size_t bytes) const override;
  bool durable() const override { return durable_; }
  Result<bool> Flush(std::byte* address, size_t bytes) const override;

 private:
  MemkindBackend(const MemtiersMemkindApi* api, void* handle, const MemkindBackendParams& params);

  // `damaged`: on failure, whether the memory must not be used again.
  Status Clear(std::byte* address, size_t bytes, bool& damaged) const;

  const MemtiersMemkindApi* api_;
  void* handle_;
  bool file_backed_;
  std::string directory_;
  bool durable_;
  mutable WriteBack write_back_;
  std::map<uint64_t, void*> runs_;  // by slot; retired ones stay
  uint64_t retired_ = 0;
  uint64_t next_slot_ = 0;
  std::string note_;
};

}  // namespace memtiers
