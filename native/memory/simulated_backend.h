// Ordinary memory that stands in for a tier this machine does not have. Same calls, same budget,
// same migration path; only the speed is not the tier's.
#pragma once

#include <memory>

#include "memory/backend.h"

namespace memtiers {

class SimulatedBackend final : public Backend {
 public:
  // With a node, memory is bound to it (a second socket can stand in for CXL); without, it comes
  // from wherever this process may allocate, so `numactl --membind` works.
  static Result<std::unique_ptr<Backend>> Open(std::optional<int> node);

  BackendKind kind() const override { return BackendKind::kSimulated; }
  bool page_migratable() const override { return true; }
  std::optional<int> node() const override { return node_; }
  Result<MappedRun> Map(const MapRequest& request) override;
  void Release(std::span<const Backing> /*backings*/) override {}
  Status Prefault(std::byte* address, size_t bytes) const override;

 private:
  explicit SimulatedBackend(std::optional<int> node) : node_(node) {}

  std::optional<int> node_;
};

}  // namespace memtiers
