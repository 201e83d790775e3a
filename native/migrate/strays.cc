#include "migrate/strays.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "sys/numa.h"

namespace memtiers {

Result<Strays> FindStrays(const Heap& heap, uint32_t backend, uint32_t from) {
  Status known = heap.CheckBackend(backend);
  if (!known.ok()) return known;
  Strays strays;
  const std::optional<int> node = heap.backend(backend).node();
  if (!node.has_value() || !heap.backend(backend).page_migratable()) return strays;

  constexpr uint32_t kChunksPerCall = 1024;
  std::array<std::byte*, kChunksPerCall> pages;
  std::array<uint32_t, kChunksPerCall> chunks;
  std::array<int, kChunksPerCall> nodes;
  const uint32_t end =
      from < heap.end_chunk() ? from + std::min(kChunksPerCall, heap.end_chunk() - from) : from;
  size_t count = 0;
  for (uint32_t chunk = from; chunk < end; ++chunk) {
    const Result<RunView> view = heap.PartOfRun(chunk, 1);
    if (!view.ok() || heap.BackendOf(chunk).value() != backend) continue;
    // The first page says nothing of the others.
    if (heap.BackingOf(chunk).striped) continue;
    pages[count] = view.value().address;
    chunks[count++] = chunk;
  }
  if (end < heap.end_chunk()) strays.next = end;
  nodes.fill(-ENOENT);
  const Status queried = QueryPages(std::span(pages).first(count), std::span(nodes).first(count));
  // Where the kernel does not tell, there is nothing to be done about it either.
  if (!queried.ok()) return strays;
  for (size_t i = 0; i < count; ++i) {
    if (nodes[i] >= 0 && nodes[i] != *node) strays.chunks.push_back(chunks[i]);
  }
  return strays;
}

}  // namespace memtiers
