#include "memory/striped_pages.h"

#include <doctest/doctest.h>
#include <sys/syscall.h>

#include <cerrno>
#include <vector>

#include "base/bytes.h"
#include "memory/page_placement.h"
#include "refusing_kernel.h"
#include "sys/mapping.h"
#include "sys/probe.h"

// What pages lie where with several nodes is tested in the emulated machine (test/vm).

namespace memtiers {
namespace {

bool MayPlace() {
  const Permissions permissions = ProbePermissions();
  return permissions.mbind == 0 && permissions.move_pages == 0;
}

class Range {
 public:
  explicit Range(size_t bytes) : bytes_(bytes) {
    address_ = ReserveAddressSpace(bytes, kChunkBytes).value();
    REQUIRE(MapAnonymous(address_, bytes).ok());
  }
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;
  ~Range() { ReleaseAddressSpace(address_, bytes_); }
  std::byte* address() const { return address_; }

 private:
  std::byte* address_;
  size_t bytes_;
};

std::vector<int> AllOnNode0(size_t bytes, size_t stripe_bytes) {
  return std::vector<int>(bytes / stripe_bytes, 0);
}

}  // namespace

TEST_CASE("stripes coarser than a page are placed, and all there is is looked at") {
  if (!MayPlace()) return;
  const Range range(kChunkBytes);
  const std::vector<int> nodes = AllOnNode0(kChunkBytes, 64 * kKiB);
  const StripedPages dealt =
      DealPages({.address = range.address(), .stripe_bytes = 64 * kKiB, .nodes = nodes}).value();
  CHECK(dealt.method == StripeMethod::kPlaced);
  CHECK(dealt.verified);
  CHECK(dealt.misplaced_pages == 0);
  const PagePlacement placement = FindPlacement(range.address(), kChunkBytes);
  CHECK(placement.pages_by_node.at(0) == kChunkBytes / PageBytes());
  CHECK(placement.absent_pages == 0);
}

TEST_CASE("equal shares of pages are the kernel's affair, brought in when there are few") {
  if (!MayPlace()) return;
  for (const size_t chunks : {1, 5}) {
    const size_t bytes = chunks * kChunkBytes;
    const Range range(bytes);
    const std::vector<int> nodes = AllOnNode0(bytes, PageBytes());
    const StripedPages dealt =
        DealPages({.address = range.address(), .stripe_bytes = PageBytes(), .nodes = nodes})
            .value();
    CHECK(dealt.method == StripeMethod::kKernel);
    CHECK(dealt.misplaced_pages == 0);
    const uint64_t absent = FindPlacement(range.address(), bytes).absent_pages;
    CHECK(absent == (chunks == 1 ? 0 : bytes / PageBytes()));
  }
}

TEST_CASE("stripes that are no whole pages, or on a node that is not there, are refused") {
  const Range range(kChunkBytes);
  const std::vector<int> nodes = {0, 0};
  const auto deal = [&](size_t stripe_bytes, std::span<const int> on) {
    return DealPages({.address = range.address(), .stripe_bytes = stripe_bytes, .nodes = on})
        .status()
        .code();
  };
  CHECK(deal(100, nodes) == Code::kInvalid);
  CHECK(deal(0, nodes) == Code::kInvalid);
  CHECK(deal(PageBytes(), {}) == Code::kInvalid);
  if (!MayPlace()) return;
  CHECK(deal(2 * PageBytes(), std::vector<int>{0, 900}) == Code::kInvalid);
}

TEST_CASE("where the kernel refuses mbind nothing is placed, and it says so") {
  CHECK(WithSyscallRefused({.syscall_number = SYS_mbind, .error = EPERM}, [] {
    std::byte* address = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
    if (!MapAnonymous(address, kChunkBytes).ok()) return false;
    for (const size_t stripe_bytes : {PageBytes(), size_t{64 * kKiB}}) {
      const std::vector<int> nodes = AllOnNode0(kChunkBytes, stripe_bytes);
      const Result<StripedPages> dealt =
          DealPages({.address = address, .stripe_bytes = stripe_bytes, .nodes = nodes});
      if (!dealt.ok() || dealt.value().method != StripeMethod::kNone) return false;
      if (dealt.value().error != EPERM || dealt.value().verified) return false;
    }
    return true;
  }));
}

TEST_CASE("pages that nobody may ask about are not taken for verified") {
  if (!MayPlace()) return;
  CHECK(WithSyscallRefused({.syscall_number = SYS_move_pages, .error = EPERM}, [] {
    std::byte* address = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
    if (!MapAnonymous(address, kChunkBytes).ok()) return false;
    const std::vector<int> nodes = AllOnNode0(kChunkBytes, 64 * kKiB);
    const Result<StripedPages> dealt =
        DealPages({.address = address, .stripe_bytes = 64 * kKiB, .nodes = nodes});
    return dealt.ok() && dealt.value().method == StripeMethod::kPlaced && !dealt.value().verified;
  }));
}

}  // namespace memtiers
