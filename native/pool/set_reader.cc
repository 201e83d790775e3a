#include "pool/set_reader.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include "pool/checksum.h"
#include "pool/faults.h"

namespace memtiers {
namespace {

constexpr int kTries = 1000;
// So often in a row the same word names what is not sound: nobody is changing it.
constexpr int kSameTries = 8;

uint64_t LoadWord(const PoolMemory& memory, uint64_t position) {
  if (Obeys(PoolRule::kDropsWord)) {
    memory.coherence().Refresh(memory.DirectoryAddress(position), sizeof(uint64_t));
  }
  return memory.Directory(position).load(std::memory_order_acquire);
}

// What was read so far was read before what is read next. The thread sanitizer knows no fences, and
// here needs not: a set that is read only has mappings of its own, where it sees nobody store.
void LoadsBefore() {
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"  // before GCC 11 there is no -Wtsan
#pragma GCC diagnostic ignored "-Wtsan"
#endif
  std::atomic_thread_fence(std::memory_order_seq_cst);
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
}

// The slot is somebody else's to reuse at any time: what is looked at is a copy.
std::optional<ObjectHeader> CopyHeader(const PoolMemory& memory, const Slot& slot,
                                       ObjectWord word) {
  if (Obeys(PoolRule::kDropsHeader)) {
    memory.coherence().Refresh(&memory.Header(slot.offset), sizeof(ObjectHeader));
  }
  ObjectHeader header{};
  std::memcpy(&header, &memory.Header(slot.offset), sizeof header);
  if (header.sum != memory.HeaderSum(header) || header.key_bytes == 0 ||
      header.key_bytes > kMaxKeyBytes || header.length > slot.bytes - sizeof header ||
      header.kind < ObjectKind::kValue || header.kind > ObjectKind::kCounter ||
      (header.version & 0x7ff) != word.generation ||
      PoolMemory::TagOf(memory.Hash(memory.KeyOf(header))) != word.tag) {
    return std::nullopt;
  }
  return header;
}

std::optional<Slot> FindSlot(const PoolMemory& memory, ObjectWord word) {
  const uint64_t offset = word.granule * kPoolLineBytes;
  const uint64_t extent_bytes = memory.layout().sizes().extent_bytes;
  if (offset >= memory.layout().data_offset()) {
    const uint64_t extent = (offset - memory.layout().data_offset()) / extent_bytes;
    if (extent < memory.layout().extent_count() && Obeys(PoolRule::kDropsExtent)) {
      memory.coherence().Refresh(
          memory.base() + memory.layout().extents_offset() + extent * sizeof(uint64_t),
          sizeof(uint64_t));
    }
  }
  return memory.Find(word);
}

enum class Outcome { kCopied, kOther, kChanged, kUnsound };

Outcome TryCopy(const PoolMemory& memory, uint64_t position, uint64_t word, std::string_view key,
                Copied& copied) {
  const ObjectWord object = ObjectWord::Unpack(word);
  const std::optional<Slot> slot = FindSlot(memory, object);
  std::optional<ObjectHeader> header;
  if (slot.has_value()) header = CopyHeader(memory, *slot, object);
  if (header.has_value() && memory.KeyOf(*header) != key) return Outcome::kOther;
  bool sound = false;
  if (slot.has_value() && header.has_value()) {
    const std::span<std::byte> payload = memory.Payload(slot->offset, header->length);
    if (Obeys(PoolRule::kDropsPayload)) {
      memory.coherence().Refresh(payload.data(), payload.size());
    }
    copied.bytes = std::make_shared<std::vector<std::byte>>(header->length);
    if (header->kind == ObjectKind::kCounter) {
      const int64_t count = std::atomic_ref(*reinterpret_cast<int64_t*>(payload.data())).load();
      std::memcpy(copied.bytes->data(), &count, sizeof count);
    } else if (!payload.empty()) {
      std::memcpy(copied.bytes->data(), payload.data(), payload.size());
    }
    copied.version = header->version;
    copied.kind = header->kind;
    sound = header->kind != ObjectKind::kValue || Crc32c(*copied.bytes) == header->payload_sum;
  }
  CrashPoint();
  LoadsBefore();
  if (LoadWord(memory, position) != word) return Outcome::kChanged;
  return sound ? Outcome::kCopied : Outcome::kUnsound;
}

}  // namespace

Result<std::optional<Copied>> CopyFrom(const PoolMemory& memory, std::string_view key) {
  const uint64_t hash = memory.Hash(key);
  const uint32_t slots = memory.layout().sizes().shard_slots;
  const uint64_t first = uint64_t{memory.ShardOf(hash)} * slots;
  int unsound = 0;
  for (int i = 0; i < kTries; ++i) {
    bool again = false;
    for (uint32_t step = 0; step < slots && !again; ++step) {
      const uint64_t position = first + ((memory.ProbeStart(hash) + step) & (slots - 1));
      const uint64_t word = LoadWord(memory, position);
      if (word == kEmptyWord) break;
      if (!ObjectWord::IsObject(word)) continue;
      if (ObjectWord::Unpack(word).tag != PoolMemory::TagOf(hash)) continue;
      Copied copied;
      switch (TryCopy(memory, position, word, key, copied)) {
        case Outcome::kCopied:
          return std::optional(std::move(copied));
        case Outcome::kOther:
          break;
        case Outcome::kChanged:
          again = true;
          break;
        case Outcome::kUnsound:
          // With software coherence a line may still be on its way.
          if (++unsound == kSameTries) {
            return Status(Code::kLost, "a value of the pool is damaged");
          }
          std::this_thread::yield();
          again = true;
          break;
      }
    }
    if (!again) return std::optional<Copied>();
  }
  return Status(Code::kBusy, "the key changes faster than it can be read");
}

std::optional<Listed> ListFrom(const PoolMemory& memory, uint64_t& position) {
  for (; position < memory.layout().directory_words(); ++position) {
    for (int i = 0; i < kSameTries; ++i) {
      const uint64_t word = LoadWord(memory, position);
      if (!ObjectWord::IsObject(word)) break;
      const ObjectWord object = ObjectWord::Unpack(word);
      const std::optional<Slot> slot = FindSlot(memory, object);
      std::optional<ObjectHeader> header;
      if (slot.has_value()) header = CopyHeader(memory, *slot, object);
      if (LoadWord(memory, position) != word || !header.has_value()) continue;
      ++position;
      return Listed{.key = std::string(memory.KeyOf(*header)),
                    .bytes = header->length,
                    .version = header->version,
                    .kind = header->kind};
    }
  }
  return std::nullopt;
}

}  // namespace memtiers
