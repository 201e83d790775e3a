#include "pool/check.h"

#include <algorithm>
#include <string_view>

#include "pool/checksum.h"
#include "pool/set_table.h"

namespace memtiers {
namespace {

constexpr size_t kFindings = 64;

class Walk {
 public:
  Walk(const PoolFile& file, Shards* shards)
      : file_(&file), memory_(file.memory()), layout_(&file.layout()), shards_(shards) {}

  PoolCheck Run() {
    if (!file_->SuperblocksAreGood()) Damage("a superblock is damaged");
    Members();
    Extents();
    for (uint32_t shard = 0; shard < layout_->sizes().shards; ++shard) WalkShard(shard);
    NamedTwice();
    LiveBits();
    Padding();
    return std::move(result_);
  }

 private:
  void Damage(const std::string& what) {
    ++result_.damages;
    if (result_.findings.size() < kFindings) result_.findings.push_back(what);
  }
  bool AllZero(uint64_t offset, uint64_t bytes) const {
    const std::byte* const from = memory_.base() + offset;
    return std::all_of(from, from + bytes, [](std::byte b) { return b == std::byte{0}; });
  }

  MemberWord StateOf(uint32_t member) const {
    return MemberWord::Unpack(memory_.MemberStateWord(member).load(std::memory_order_acquire));
  }

  // A word that names an object, as it was met; later ones have higher positions.
  struct Reference {
    uint64_t offset;  // of the header
    uint64_t position;
    uint64_t word;
    auto operator<=>(const Reference&) const = default;
  };

  void Members();
  void Holds(uint32_t member, const MemberWord& state);
  void Extents();
  void WalkExtent(uint64_t extent);
  void WalkShard(uint32_t shard);
  void ShardLine(uint32_t shard, bool locked_by_us);
  void WalkWord(uint32_t shard, uint32_t at);
  bool WalkObject(uint32_t shard, uint32_t at, const Slot& slot, ObjectWord word);
  void NamedTwice();
  void LiveBits();
  void Padding();

  const PoolFile* file_;
  PoolMemory memory_;
  const PoolLayout* layout_;
  Shards* shards_;
  PoolCheck result_;
  std::vector<Reference> referenced_;
  std::vector<std::string_view> keys_;  // of one shard
  uint64_t newest_ = 0;                 // version in one shard
};

// Whoever has the extent may give it back meanwhile, and somebody else write values where its bits
// were: then they count for nothing, which the extent's word tells. To the thread sanitizer that is
// a race, so it does not look; a builtin and no atomic_ref, whose functions it would look into.
__attribute__((no_sanitize("thread"))) uint64_t PeekWord(const uint64_t* word) {
  return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

std::string At(const char* what, uint64_t number) { return what + std::to_string(number); }

void Walk::Members() {
  for (uint32_t member = 0; member < layout_->sizes().members; ++member) {
    const MemberWord state = StateOf(member);
    if (state.state > MemberState::kRecovering ||
        (state.host != 0 && state.state != MemberState::kRecovering)) {
      Damage(At("no state at all: member ", member));
    }
    if (state.state != MemberState::kFree) ++result_.members;
    if (!std::ranges::all_of(memory_.Member(member).reserved, [](uint64_t w) { return w == 0; })) {
      Damage(At("bytes in use that should not be: member ", member));
    }
    Holds(member, state);
  }
}

void Walk::Holds(uint32_t member, const MemberWord& state) {
  const uint64_t limit = memory_.HoldLimit(member).load(std::memory_order_acquire);
  if (limit > layout_->sizes().holds) Damage(At("a limit of holds beyond all: member ", member));
  for (uint32_t i = 0; i < layout_->sizes().holds; ++i) {
    const uint64_t word = memory_.Hold(member, i).load(std::memory_order_acquire);
    if (word == 0) continue;
    ++result_.held;
    // Of others who go on, all of this may change between two looks at it.
    if (StateOf(member).Pack() != state.Pack()) return;
    if (state.state == MemberState::kFree) {
      Damage(At("holds without a member: entry ", member));
      return;
    }
    // He raises the limit before he takes a hold beyond it.
    const bool beyond =
        i >= limit && i >= memory_.HoldLimit(member).load(std::memory_order_acquire);
    if (!ObjectWord::IsObject(word) || beyond) {
      Damage(At("a hold that protects nothing: member ", member));
      continue;
    }
    if (shards_ != nullptr) continue;
    const ObjectWord object = ObjectWord::Unpack(word);
    const std::optional<Slot> slot = memory_.Find(object);
    if (!slot.has_value() || !memory_.HeaderIsSound(*slot, object)) {
      Damage(At("a hold of what is no object: member ", member));
    }
  }
}

void Walk::Extents() {
  for (uint64_t extent = 0; extent < layout_->extent_count(); ++extent) WalkExtent(extent);
}

void Walk::WalkExtent(uint64_t extent) {
  const uint64_t word = memory_.Extent(extent).load(std::memory_order_acquire);
  const ExtentWord owner = ExtentWord::Unpack(word);
  const bool owned = owner.state == ExtentState::kOwned;
  if (owner.state == ExtentState::kFree) {
    ++result_.free_extents;
    if (owner.size_class != 0 || owner.member != 0 || owner.run_index != 0) {
      Damage(At("free and somebody's: extent ", extent));
    }
    return;
  }
  ++(owned ? result_.owned_extents : result_.orphan_extents);
  if ((!owned && owner.state != ExtentState::kOrphan) || (!owned && owner.member != 0)) {
    Damage(At("no state at all: extent ", extent));
    return;
  }
  const bool run = owner.size_class == kRunClass;
  const bool own_use = owned && owner.size_class == kPrivateClass;
  if (own_use) ++result_.private_extents;
  if ((!run && !own_use && owner.size_class >= layout_->class_count()) ||
      (!run && owner.run_index != 0)) {
    Damage(At("of no class: extent ", extent));
    return;
  }
  bool owner_lives = true;
  if (owned) {
    owner_lives = owner.member < layout_->sizes().members &&
                  StateOf(owner.member).state != MemberState::kFree;
  }
  bool follows = true;
  if (run && owner.run_index > 0) {
    const ExtentWord before = ExtentWord::Unpack(
        extent == 0 ? 0 : memory_.Extent(extent - 1).load(std::memory_order_acquire));
    follows = before.state != ExtentState::kFree && before.size_class == kRunClass &&
              before.run_index + 1 == owner.run_index;
  }
  // Whoever goes on meanwhile changes the word.
  if (memory_.Extent(extent).load(std::memory_order_acquire) != word) return;
  if (!owner_lives) Damage(At("owned by nobody: extent ", extent));
  if (!follows) Damage(At("of a run without its beginning: extent ", extent));
}

void Walk::ShardLine(uint32_t shard, bool locked_by_us) {
  const uint64_t line = layout_->locks_offset() + uint64_t{shard} * kPoolLineBytes;
  const uint64_t used = shard == 0 ? offsetof(ShardEntry, reserved) : offsetof(ShardEntry, bell);
  if (!AllZero(line + used, kPoolLineBytes - used)) {
    Damage(At("bytes in use that should not be: shard ", shard));
  }
  const uint64_t word = memory_.ShardLock(shard).load(std::memory_order_acquire);
  if (word == 0 || locked_by_us) return;
  const LockWord holder = LockWord::Unpack(word);
  if (holder.member < layout_->sizes().members) {
    const MemberWord state = StateOf(holder.member);
    if (state.state != MemberState::kFree && state.generation == holder.generation) return;
    // He may have let go of it and left between the two looks.
    if (memory_.ShardLock(shard).load(std::memory_order_acquire) != word) return;
  }
  Damage(At("locked by nobody: shard ", shard));
}

void Walk::WalkShard(uint32_t shard) {
  ShardLine(shard, false);
  const bool lock = shards_ != nullptr;
  if (lock && !shards_->Lock(shard).ok()) {
    Damage(At("cannot be locked: shard ", shard));
    return;
  }
  keys_.clear();
  newest_ = 0;
  for (uint32_t at = 0; at < layout_->sizes().shard_slots; ++at) WalkWord(shard, at);
  // Who has shard 0 may change it.
  if (shard == 0 && !SetTableIsGood(memory_)) Damage("the table of the set is damaged");
  std::ranges::sort(keys_);
  if (std::ranges::adjacent_find(keys_) != keys_.end()) {
    Damage(At("a key twice: shard ", shard));
  }
  if (newest_ > memory_.ShardVersion(shard).load(std::memory_order_relaxed)) {
    Damage(At("versions behind those of its objects: shard ", shard));
  }
  if (lock) shards_->Unlock(shard);
}

void Walk::WalkWord(uint32_t shard, uint32_t at) {
  const uint64_t position = uint64_t{shard} * layout_->sizes().shard_slots + at;
  const uint64_t word = memory_.Directory(position).load(std::memory_order_acquire);
  if (word == kEmptyWord || word == kTombWord) return;
  if (!ObjectWord::IsObject(word)) {
    Damage(At("no word at all: directory position ", position));
    return;
  }
  const ObjectWord object = ObjectWord::Unpack(word);
  const std::optional<Slot> slot = memory_.Find(object);
  if (!slot.has_value()) {
    Damage(At("names no slot: directory position ", position));
    return;
  }
  referenced_.push_back({.offset = slot->offset, .position = position, .word = word});
  if (WalkObject(shard, at, *slot, object)) {
    ++result_.objects;
    result_.bytes += memory_.Header(slot->offset).length;
    if (!memory_.IsLive(*slot)) ++result_.unlinking;
  }
}

bool Walk::WalkObject(uint32_t shard, uint32_t at, const Slot& slot, ObjectWord word) {
  const ObjectHeader& header = memory_.Header(slot.offset);
  if (!memory_.HeaderIsSound(slot, word)) {
    Damage(At("a damaged header: object at ", slot.offset));
    return false;
  }
  const std::string_view key = memory_.KeyOf(header);
  const uint64_t hash = memory_.Hash(key);
  if (memory_.ShardOf(hash) != shard) {
    Damage(At("in another's shard: object at ", slot.offset));
    return false;
  }
  const uint32_t slots = layout_->sizes().shard_slots;
  for (uint32_t i = memory_.ProbeStart(hash); i != at; i = (i + 1) & (slots - 1)) {
    const uint64_t position = uint64_t{shard} * slots + i;
    if (memory_.Directory(position).load(std::memory_order_relaxed) != kEmptyWord) continue;
    Damage(At("out of its key's reach: object at ", slot.offset));
    break;
  }
  keys_.push_back(key);
  newest_ = std::max(newest_, header.version);
  const std::span<std::byte> payload = memory_.Payload(slot.offset, header.length);
  if (header.kind == ObjectKind::kValue && Crc32c(payload) != header.payload_sum) {
    Damage(At("a damaged value: object at ", slot.offset));
    return false;
  }
  return true;
}

void Walk::NamedTwice() {
  std::ranges::sort(referenced_);
  for (size_t i = 1; i < referenced_.size(); ++i) {
    const Reference& first = referenced_[i - 1];
    if (first.offset != referenced_[i].offset) continue;
    // Shards are walked one after the other: what the first one named may have been freed since,
    // and be the second one's now. Then the first one does not name it any more.
    const uint64_t now = memory_.Directory(first.position).load(std::memory_order_acquire);
    if (now == first.word) Damage("an object that two words name");
  }
}

void Walk::LiveBits() {
  for (uint64_t extent = 0; extent < layout_->extent_count(); ++extent) {
    const uint64_t word = memory_.Extent(extent).load(std::memory_order_acquire);
    const ExtentWord owner = ExtentWord::Unpack(word);
    if (owner.state == ExtentState::kFree || owner.size_class >= layout_->class_count()) continue;
    uint64_t unpublished = 0;
    for (uint32_t i = 0; i < layout_->SlotCount(owner.size_class); ++i) {
      const Slot slot = memory_.SlotAt(extent, owner.size_class, i);
      const auto* const bits = reinterpret_cast<const uint64_t*>(
          memory_.base() + memory_.ExtentOffset(extent) + i / 64 * sizeof(uint64_t));
      const bool live = (PeekWord(bits) >> (i % 64) & 1) != 0;
      const bool named =
          std::ranges::binary_search(referenced_, slot.offset, {}, &Reference::offset);
      if (live && !named) ++unpublished;
    }
    if (memory_.Extent(extent).load(std::memory_order_acquire) == word) {
      result_.unpublished += unpublished;
    }
  }
}

void Walk::Padding() {
  const uint64_t used = layout_->extents_offset() + layout_->extent_count() * sizeof(uint64_t);
  if (!AllZero(used, layout_->data_offset() - used)) {
    Damage("bytes in use between the extent table and the extents");
  }
}

}  // namespace

PoolCheck CheckPool(const PoolFile& file, Shards* shards) { return Walk(file, shards).Run(); }

}  // namespace memtiers
