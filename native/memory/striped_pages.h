// Pages of one range dealt out to several nodes, exactly as asked.
//
// Two ways. Where the kernel's own interleaving gives the very counts that are wanted, it is left
// to it: one mapping, and pages come when they are touched. Its weights are the machine's, though,
// and nobody but root can set them (Linux 6.9), so as a rule the pages are placed here: the whole
// range prefers one node while the stripes of that node are brought in, then the next. That takes
// no mapping more, whatever the stripes are, where binding each on its own would take one a stripe.
//
// Thread-safe. Placing brings all pages in: about 0.7 ms a chunk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/status.h"

namespace memtiers {

enum class StripeMethod {
  kKernel,  // by the kernel's policy
  kPlaced,  // one by one
  kNone,    // the kernel refuses both; the pages are wherever it puts them
};

struct StripedPages {
  StripeMethod method = StripeMethod::kNone;
  // Brought in, and not where they belong: a node was full.
  uint64_t misplaced_pages = 0;
  // Whether somebody looked at where they are.
  bool verified = false;
  // Of the refused call, with kNone.
  int error = 0;
};

struct StripeRequest {
  std::byte* address = nullptr;
  // Whole pages.
  size_t stripe_bytes = 0;
  // The node of each stripe, from the first on; they are the whole range.
  std::span<const int> nodes;
};

// Deals out private memory that nobody has touched. Huge pages are given up for good in the range,
// unless the method is kNone: the kernel would join the pages again on one node. kInvalid: stripes
// that are no whole pages, or a node that is not there.
Result<StripedPages> DealPages(const StripeRequest& request);

}  // namespace memtiers
