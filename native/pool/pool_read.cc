// Reading: without a lock, and without ever waiting for anybody.
#include "pool/checksum.h"
#include "pool/faults.h"
#include "pool/pool.h"

namespace memtiers {
namespace {

// A reader begins anew only when somebody has changed what he was looking at; so often in a row it
// is rubbish.
constexpr int kTries = 1000;
constexpr unsigned kVerifiedBits = 14;
constexpr size_t kVerifiedWords = size_t{1} << kVerifiedBits;
// With software coherence a sum can fail because of a line that is still on its way.
constexpr int kStaleTries = 8;

}  // namespace

bool Pool::PayloadIsSound(const Slot& slot, uint64_t word) {
  const ObjectHeader& header = memory().Header(slot.offset);
  if (header.kind != ObjectKind::kValue || verify_ == PoolVerify::kNever) return true;
  if (verified_.empty()) verified_.resize(kVerifiedWords);
  uint64_t& verified =
      verified_[ObjectWord::Unpack(word).granule * 0x9e3779b97f4a7c15 >> (64 - kVerifiedBits)];
  if (verify_ == PoolVerify::kFirst && verified == word) return true;
  const std::span<std::byte> payload = memory().Payload(slot.offset, header.length);
  for (int i = 0; i < (memory().coherence().software() ? kStaleTries : 1); ++i) {
    memory().coherence().Refresh(payload.data(), payload.size());
    if (Crc32c(payload) != header.payload_sum) continue;
    verified = word;
    return true;
  }
  return false;
}

// Hold, look again, then read: a word that the directory still has after the hold is visible names
// an object that nobody will reuse.
Result<std::optional<Held>> Pool::TryGet(std::string_view key, uint64_t hash, bool verify,
                                         bool& again) {
  const Coherence& coherence = memory().coherence();
  const uint32_t slots = layout().sizes().shard_slots;
  const uint64_t first = uint64_t{memory().ShardOf(hash)} * slots;
  again = false;
  for (uint32_t step = 0; step < slots; ++step) {
    const uint64_t position = first + ((memory().ProbeStart(hash) + step) & (slots - 1));
    coherence.Refresh(memory().DirectoryAddress(position), sizeof(uint64_t));
    const uint64_t word = memory().Directory(position).load(std::memory_order_acquire);
    if (word == kEmptyWord) return std::optional<Held>();
    if (!ObjectWord::IsObject(word)) continue;
    const ObjectWord object = ObjectWord::Unpack(word);
    if (object.tag != PoolMemory::TagOf(hash)) continue;
    CrashPoint();
    const std::optional<uint32_t> hold = holds_.Take(word);
    if (!hold.has_value()) return Status(Code::kFull, "this member holds too many objects");
    CrashPoint();
    coherence.Refresh(memory().DirectoryAddress(position), sizeof(uint64_t));
    if (Obeys(PoolRule::kValidateAfterHold) &&
        memory().Directory(position).load(std::memory_order_seq_cst) != word) {
      holds_.Release(*hold);
      again = true;
      return std::optional<Held>();
    }
    CrashPoint();
    const std::optional<Slot> slot = memory().Find(object);
    if (slot.has_value()) {
      coherence.Refresh(&memory().Header(slot->offset), sizeof(ObjectHeader));
    }
    // Somebody else's key with the same tag goes by; what cannot be read at all may be ours.
    const bool sound = slot.has_value() && memory().HeaderIsSound(*slot, object);
    if (sound && memory().KeyOf(memory().Header(slot->offset)) != key) {
      holds_.Release(*hold);
      continue;
    }
    if (!sound || (verify && !PayloadIsSound(*slot, word))) {
      holds_.Release(*hold);
      return Status(Code::kLost, "a value of the pool is damaged");
    }
    const ObjectHeader& header = memory().Header(slot->offset);
    return std::optional(Held{.payload = memory().Payload(slot->offset, header.length),
                              .version = header.version,
                              .kind = header.kind,
                              .hold = *hold});
  }
  return std::optional<Held>();
}

Result<std::optional<Held>> Pool::Get(std::string_view key, bool verify) {
  if (const Status checked = CheckKey(key); !checked.ok()) return checked;
  // Holds of who is not a member any more protect nothing.
  if (const Status current = membership_->CheckCurrent(); !current.ok()) return current;
  const uint64_t hash = memory().Hash(key);
  for (int i = 0; i < kTries; ++i) {
    bool again = false;
    Result<std::optional<Held>> held = TryGet(key, hash, verify, again);
    if (!again) return held;
  }
  return Status(Code::kBusy, "the key changes faster than it can be read");
}

std::optional<Listed> Pool::Next(uint64_t& position) {
  for (; position < layout().directory_words(); ++position) {
    memory().coherence().Refresh(memory().DirectoryAddress(position), sizeof(uint64_t));
    const uint64_t word = memory().Directory(position).load(std::memory_order_acquire);
    if (!ObjectWord::IsObject(word)) continue;
    const std::optional<uint32_t> hold = holds_.Take(word);
    if (!hold.has_value()) return std::nullopt;
    std::optional<Listed> listed;
    memory().coherence().Refresh(memory().DirectoryAddress(position), sizeof(uint64_t));
    const bool changed = memory().Directory(position).load(std::memory_order_seq_cst) != word;
    const std::optional<Slot> slot = memory().Find(ObjectWord::Unpack(word));
    if (!changed && slot.has_value() && memory().HeaderIsSound(*slot, ObjectWord::Unpack(word))) {
      const ObjectHeader& header = memory().Header(slot->offset);
      listed = Listed{.key = std::string(memory().KeyOf(header)),
                      .bytes = header.length,
                      .version = header.version,
                      .kind = header.kind};
    }
    holds_.Release(*hold);
    if (changed) {
      --position;  // look at what it is now
      continue;
    }
    if (!listed.has_value()) continue;
    ++position;
    return listed;
  }
  return std::nullopt;
}

}  // namespace memtiers
