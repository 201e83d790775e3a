#include "memory/page_placement.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "sys/mapping.h"
#include "sys/numa.h"
#include "sys/probe.h"

namespace memtiers {

PagePlacement FindPlacement(std::byte* address, size_t bytes) {
  constexpr size_t kPagesPerCall = 1024;
  PagePlacement placement;
  std::array<std::byte*, kPagesPerCall> pages;
  std::array<int, kPagesPerCall> status;
  for (size_t offset = 0; offset < bytes; offset += kPagesPerCall * PageBytes()) {
    const size_t count = std::min(kPagesPerCall, (bytes - offset) / PageBytes());
    for (size_t i = 0; i < count; ++i) pages[i] = address + offset + i * PageBytes();
    status.fill(-ENOENT);
    const Status queried =
        QueryPages(std::span(pages).first(count), std::span(status).first(count));
    if (!queried.ok()) {
      placement.error = queried.error();
      return placement;
    }
    for (const int node : std::span(status).first(count)) {
      if (node >= 0) {
        ++placement.pages_by_node[node];
      } else {
        ++placement.absent_pages;
      }
    }
  }
  return placement;
}

}  // namespace memtiers
