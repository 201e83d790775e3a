#include "migrate/strays.h"

#include <doctest/doctest.h>

#include <cstring>

#include "base/bytes.h"
#include "memory/numa_backend.h"
#include "memory/simulated_backend.h"
#include "sys/probe.h"

namespace memtiers {

TEST_CASE("chunks on their node are no strays, and the look ends after the last chunk") {
  const std::unique_ptr<Heap> heap = std::move(Heap::Open(64 * kChunkBytes).value());
  const uint32_t node =
      heap->AddBackend(std::move(NumaBackend::Open(0).value()), 32 * kChunkBytes).value();
  const uint32_t anywhere =
      heap->AddBackend(std::move(SimulatedBackend::Open(std::nullopt).value()), 32 * kChunkBytes)
          .value();
  const uint32_t first = heap->Allocate(node, 3).value();
  std::memset(heap->RunAt(first).value().address, 1, 3 * kChunkBytes);
  CHECK(heap->Allocate(anywhere, 2).ok());
  if (ProbePermissions().mbind == 0) CHECK(FindStrays(*heap, node, 0).value().chunks.empty());
  CHECK_FALSE(FindStrays(*heap, node, 0).value().next.has_value());
  CHECK(FindStrays(*heap, anywhere, 0).value().chunks.empty());
  CHECK_FALSE(FindStrays(*heap, 7, 0).ok());
  CHECK(FindStrays(*heap, node, 5000).value().chunks.empty());
}

}  // namespace memtiers
