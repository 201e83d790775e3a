#include "memory/address_window.h"

#include <doctest/doctest.h>

#include "base/bytes.h"

namespace memtiers {

TEST_CASE("a window holds whole chunks, aligned to chunks") {
  const AddressWindow window = std::move(AddressWindow::Reserve(3 * kChunkBytes + 1).value());
  CHECK(window.chunks() == 4);
  CHECK(IsAligned(reinterpret_cast<uintptr_t>(window.AddressOf(0)), kChunkBytes));
  CHECK(window.AddressOf(3) == window.AddressOf(0) + 3 * kChunkBytes);
}

TEST_CASE("a fragmented window refuses runs longer than its holes until they join") {
  AddressWindow window = std::move(AddressWindow::Reserve(8 * kChunkBytes).value());
  for (uint32_t i = 0; i < 8; ++i) REQUIRE(window.Take(1) == i);
  CHECK_FALSE(window.Take(1).has_value());
  for (uint32_t i = 0; i < 8; i += 2) REQUIRE(window.Give(i, 1).ok());
  CHECK_FALSE(window.Take(2).has_value());
  REQUIRE(window.Give(3, 1).ok());
  CHECK(window.Take(3) == 2);
}

TEST_CASE("a window of no bytes or of more than there is cannot be reserved") {
  CHECK(AddressWindow::Reserve(0).status().code() == Code::kInvalid);
  CHECK(AddressWindow::Reserve(size_t{1} << 50).status().code() == Code::kFull);
}

}  // namespace memtiers
