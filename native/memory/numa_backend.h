// Memory of one NUMA node: DDR of a socket, HBM, or CXL and PMEM that the kernel runs as system
// RAM.
#pragma once

#include <memory>

#include "memory/backend.h"

namespace memtiers {

class NumaBackend final : public Backend {
 public:
  // kUnavailable: this process cannot have memory of that node.
  static Result<std::unique_ptr<Backend>> Open(int node);

  BackendKind kind() const override { return BackendKind::kNuma; }
  bool page_migratable() const override { return true; }
  std::optional<int> node() const override { return node_; }
  bool available() const override;
  std::string note() const override { return note_; }
  Result<MappedRun> Map(const MapRequest& request) override;
  void Release(std::span<const Backing> /*backings*/) override {}
  Status Prefault(std::byte* address, size_t bytes) const override;

 private:
  NumaBackend(int node, std::string note) : node_(node), note_(std::move(note)) {}

  int node_;
  std::string note_;
};

}  // namespace memtiers
