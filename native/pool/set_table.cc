#include "pool/set_table.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "pool/checksum.h"
#include "pool/faults.h"
#include "sys/cache_writeback.h"

namespace memtiers {
namespace {

using Page = std::array<std::byte, kSetTableBytes>;

std::byte* PageAt(const PoolMemory& memory, size_t copy) {
  return memory.base() + memory.layout().set_offset() + copy * kSetTableBytes;
}

uint32_t SumOf(Page page) {
  std::memset(&page[offsetof(SetTable, sum)], 0, sizeof(uint32_t));
  return Crc32c(page);
}

// Somebody may be writing it.
Page LoadPage(const PoolMemory& memory, size_t copy) {
  Page page;
  const std::byte* const from = PageAt(memory, copy);
  memory.coherence().Refresh(from, page.size());
  std::memcpy(page.data(), from, page.size());
  return page;
}

bool IsEmpty(const Page& page) {
  return std::ranges::all_of(page, [](std::byte byte) { return byte == std::byte{0}; });
}

std::optional<SetTable> TableIn(const Page& page) {
  SetTable table{};
  std::memcpy(&table, page.data(), sizeof table);
  if (IsEmpty(page) || table.sum != SumOf(page)) return std::nullopt;
  return table;
}

}  // namespace

std::optional<SetTable> ReadSetTable(const PoolMemory& memory) {
  const std::optional<SetTable> first = TableIn(LoadPage(memory, 0));
  const std::optional<SetTable> second = TableIn(LoadPage(memory, 1));
  if (!first.has_value()) return second;
  return second.has_value() && second->epoch > first->epoch ? second : first;
}

bool SetTableIsGood(const PoolMemory& memory) {
  const Page first = LoadPage(memory, 0);
  const Page second = LoadPage(memory, 1);
  memory.coherence().Refresh(PageAt(memory, 2), kPoolLineBytes);
  const uint64_t epoch = SetEpoch(memory).load(std::memory_order_acquire);
  const std::byte* const line = PageAt(memory, 2) + sizeof epoch;
  if (std::any_of(line, line + kPoolLineBytes - sizeof epoch,
                  [](std::byte byte) { return byte != std::byte{0}; })) {
    return false;
  }
  if (IsEmpty(first) && IsEmpty(second)) return epoch == 0;
  const std::optional<SetTable> table = TableIn(first);
  return table.has_value() && first == second && epoch == table->epoch;
}

void WriteSetTable(const PoolMemory& memory, const SetTable& table) {
  Page page{};
  SetTable content = table;
  content.sum = 0;
  std::memcpy(page.data(), &content, sizeof content);
  content.sum = SumOf(page);
  std::memcpy(page.data(), &content, sizeof content);
  for (size_t copy = 0; copy < 2; ++copy) {
    std::memcpy(PageAt(memory, copy), page.data(), page.size());
    WriteBackCaches(PageAt(memory, copy), page.size());
    CrashPoint();
  }
  // All of the line but the epoch is nothing.
  std::memset(PageAt(memory, 2) + sizeof(uint64_t), 0, kPoolLineBytes - sizeof(uint64_t));
  SetEpoch(memory).store(table.epoch, std::memory_order_seq_cst);
  WriteBackCaches(PageAt(memory, 2), kPoolLineBytes);
  CrashPoint();
}

}  // namespace memtiers
