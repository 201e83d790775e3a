#include "pool/repair.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "pool/checksum.h"
#include "pool/membership.h"
#include "pool/set_table.h"

namespace memtiers {
namespace {

constexpr size_t kKeys = 1000;
constexpr uint64_t kGranuleBytes = kPoolLineBytes;

class Repair {
 public:
  explicit Repair(const PoolFile& file, uint32_t self)
      : memory_(file.memory()), layout_(&file.layout()), self_(self) {}

  PoolRepair Run() {
    Table();
    Members();
    Shards();
    FindWitnesses();
    Extents();
    for (uint32_t shard = 0; shard < layout_->sizes().shards; ++shard) Directory(shard);
    Clear(layout_->extents_offset() + layout_->extent_count() * sizeof(uint64_t),
          layout_->data_offset());
    return std::move(result_);
  }

 private:
  void Mend(AtomicWord word, uint64_t value) {
    if (word.load(std::memory_order_relaxed) == value) return;
    word.store(value, std::memory_order_seq_cst);
    ++result_.mended;
  }
  void Clear(uint64_t from, uint64_t to) {
    for (uint64_t at = from; at < to; at += sizeof(uint64_t)) {
      Mend(AtomicWord(*reinterpret_cast<uint64_t*>(memory_.base() + at)), 0);
    }
  }
  uint64_t LineOf(uint32_t shard) const {
    return layout_->locks_offset() + uint64_t{shard} * kPoolLineBytes;
  }

  void Table();
  void Members();
  void Shards();
  void FindWitnesses();
  void Extents();
  std::optional<uint8_t> ClassWitnessed(uint64_t offset, ObjectWord word) const;
  void Directory(uint32_t shard);
  bool IsGood(uint32_t shard, ObjectWord word, std::string_view& key) const;
  void Lose(uint64_t position, std::string_view key);
  void MakeReachable(uint32_t shard, uint32_t at, std::string_view key);

  PoolMemory memory_;
  const PoolLayout* layout_;
  uint32_t self_;
  PoolRepair result_;
  // Extents of which a good object tells what they are: its class, and how many a run of it has.
  std::map<uint64_t, std::pair<uint8_t, uint64_t>> witnessed_;
};

// Where neither copy is whole the set's other devices have the table.
void Repair::Table() {
  if (SetTableIsGood(memory_)) return;
  ++result_.mended;
  if (const std::optional<SetTable> table = ReadSetTable(memory_)) {
    WriteSetTable(memory_, *table);
  } else {
    Clear(layout_->set_offset(), layout_->members_offset());
  }
}

void Repair::Members() {
  for (uint32_t member = 0; member < layout_->sizes().members; ++member) {
    MemberEntry& entry = memory_.Member(member);
    for (uint64_t& word : entry.reserved) Mend(AtomicWord(word), 0);
    for (uint32_t i = 0; i < layout_->sizes().holds; ++i) Mend(memory_.Hold(member, i), 0);
    if (memory_.HoldLimit(member).load() > layout_->sizes().holds) {
      Mend(memory_.HoldLimit(member), 0);
    }
    if (member == self_) continue;
    MemberWord state = MemberWord::Unpack(memory_.MemberStateWord(member).load());
    state = {.generation = state.generation};
    Mend(memory_.MemberStateWord(member), state.Pack());
  }
}

void Repair::Shards() {
  for (uint32_t shard = 0; shard < layout_->sizes().shards; ++shard) {
    Mend(memory_.ShardLock(shard), 0);
    // The first one's bell shares a word with what is in nobody's use.
    AtomicWord bell(
        *reinterpret_cast<uint64_t*>(memory_.base() + LineOf(shard) + offsetof(ShardEntry, bell)));
    Mend(bell, shard == 0 ? bell.load(std::memory_order_relaxed) & UINT32_MAX : 0);
    Clear(LineOf(shard) + offsetof(ShardEntry, bell) + sizeof(uint64_t),
          LineOf(shard) + kPoolLineBytes);
  }
}

// The class that an object's length and place speak for, whatever its extent's word says.
std::optional<uint8_t> Repair::ClassWitnessed(uint64_t offset, ObjectWord word) const {
  const uint64_t end =
      layout_->data_offset() + layout_->extent_count() * layout_->sizes().extent_bytes;
  if (offset < layout_->data_offset() || offset + sizeof(ObjectHeader) > end) return std::nullopt;
  const ObjectHeader& header = memory_.Header(offset);
  if (header.sum != memory_.HeaderSum(header) || header.key_bytes == 0 ||
      header.key_bytes > kMaxKeyBytes || header.length > end - offset - sizeof(ObjectHeader) ||
      (header.version & 0x7ff) != word.generation ||
      PoolMemory::TagOf(memory_.Hash(memory_.KeyOf(header))) != word.tag) {
    return std::nullopt;
  }
  const size_t size_class = layout_->ClassFor(header.length + sizeof(ObjectHeader));
  const uint64_t inside = (offset - layout_->data_offset()) % layout_->sizes().extent_bytes;
  if (size_class == kRunClass) {
    return inside == kMinBitmapBytes ? std::optional(kRunClass) : std::nullopt;
  }
  if (inside < layout_->FirstSlot(size_class)) return std::nullopt;
  const uint64_t behind = inside - layout_->FirstSlot(size_class);
  if (behind % layout_->SlotBytes(size_class) != 0 ||
      behind / layout_->SlotBytes(size_class) >= layout_->SlotCount(size_class)) {
    return std::nullopt;
  }
  return static_cast<uint8_t>(size_class);
}

void Repair::FindWitnesses() {
  for (uint64_t position = 0; position < layout_->directory_words(); ++position) {
    const uint64_t word = memory_.Directory(position).load(std::memory_order_relaxed);
    if (!ObjectWord::IsObject(word)) continue;
    const ObjectWord object = ObjectWord::Unpack(word);
    const uint64_t offset = object.granule * kGranuleBytes;
    const std::optional<uint8_t> size_class = ClassWitnessed(offset, object);
    if (!size_class.has_value()) continue;
    const uint64_t extent = (offset - layout_->data_offset()) / layout_->sizes().extent_bytes;
    const uint64_t extents =
        *size_class == kRunClass
            ? layout_->RunExtents(memory_.Header(offset).length + sizeof(ObjectHeader))
            : 1;
    if (extent + extents > layout_->extent_count()) continue;
    witnessed_.emplace(extent, std::pair(*size_class, extents));
  }
}

// Everything is an orphan or free: there is nobody to own it. What is witnessed is believed, the
// rest where it follows what is before it.
void Repair::Extents() {
  uint32_t run = 0;  // extents of a run up to here
  uint64_t witnessed_until = 0;
  for (uint64_t extent = 0; extent < layout_->extent_count(); ++extent) {
    ExtentWord word = ExtentWord::Unpack(memory_.Extent(extent).load(std::memory_order_relaxed));
    const auto witness = witnessed_.find(extent);
    const bool free_now = word.state == ExtentState::kFree;
    if (extent < witnessed_until) {
      word.size_class = kRunClass;
      word.run_index = run++;
    } else if (witness != witnessed_.end()) {
      word.size_class = witness->second.first;
      word.run_index = 0;
      run = word.size_class == kRunClass ? 1 : 0;
      witnessed_until = run == 1 ? extent + witness->second.second : 0;
    } else if (!free_now && word.size_class == kRunClass &&
               (word.run_index == 0 || (run > 0 && word.run_index == run))) {
      run = word.run_index + 1;
    } else if (free_now || word.size_class >= layout_->class_count() || word.run_index != 0) {
      run = 0;
      Mend(memory_.Extent(extent), ExtentWord{.generation = word.generation}.Pack());
      continue;
    } else {
      run = 0;
    }
    word.state = ExtentState::kOrphan;
    word.member = 0;
    Mend(memory_.Extent(extent), word.Pack());
  }
}

bool Repair::IsGood(uint32_t shard, ObjectWord word, std::string_view& key) const {
  const std::optional<Slot> slot = memory_.Find(word);
  if (!slot.has_value() || !memory_.HeaderIsSound(*slot, word)) return false;
  const ObjectHeader& header = memory_.Header(slot->offset);
  key = memory_.KeyOf(header);
  if (memory_.ShardOf(memory_.Hash(key)) != shard) return false;
  return header.kind != ObjectKind::kValue ||
         Crc32c(memory_.Payload(slot->offset, header.length)) == header.payload_sum;
}

void Repair::Lose(uint64_t position, std::string_view key) {
  memory_.Directory(position).store(kTombWord, std::memory_order_seq_cst);
  ++result_.lost;
  if (!key.empty() && result_.keys.size() < kKeys) result_.keys.emplace_back(key);
}

void Repair::MakeReachable(uint32_t shard, uint32_t at, std::string_view key) {
  const uint32_t slots = layout_->sizes().shard_slots;
  for (uint32_t i = memory_.ProbeStart(memory_.Hash(key)); i != at; i = (i + 1) & (slots - 1)) {
    AtomicWord word = memory_.Directory(uint64_t{shard} * slots + i);
    if (word.load(std::memory_order_relaxed) == kEmptyWord) Mend(word, kTombWord);
  }
}

void Repair::Directory(uint32_t shard) {
  const uint32_t slots = layout_->sizes().shard_slots;
  struct Known {
    uint64_t position;
    uint64_t version;
  };
  std::map<std::string_view, Known> known;
  uint64_t newest = memory_.ShardVersion(shard).load(std::memory_order_relaxed);
  for (uint32_t at = 0; at < slots; ++at) {
    const uint64_t position = uint64_t{shard} * slots + at;
    const uint64_t word = memory_.Directory(position).load(std::memory_order_relaxed);
    if (word == kEmptyWord || word == kTombWord) continue;
    std::string_view key;
    const ObjectWord object = ObjectWord::Unpack(word);
    if (!ObjectWord::IsObject(word) || !IsGood(shard, object, key)) {
      Lose(position, key);
      continue;
    }
    const uint64_t version = memory_.Header(object.granule * kGranuleBytes).version;
    const auto [other, first] =
        known.try_emplace(key, Known{.position = position, .version = version});
    if (!first) {
      // Twice: the newer one counts.
      const bool newer = version > other->second.version;
      Mend(memory_.Directory(newer ? other->second.position : position), kTombWord);
      if (!newer) continue;
      other->second = {.position = position, .version = version};
    }
    newest = std::max(newest, version);
  }
  for (const auto& [key, place] : known) {
    MakeReachable(shard, static_cast<uint32_t>(place.position % slots), key);
  }
  Mend(memory_.ShardVersion(shard), newest);
}

}  // namespace

Result<PoolRepair> RepairPool(const std::shared_ptr<const PoolFile>& file) {
  Result<std::unique_ptr<Membership>> joined = Membership::Join(file);
  if (!joined.ok()) return joined.status();
  Membership& self = *joined.value();
  self.RecoverDead();
  for (uint32_t member = 0; member < file->layout().sizes().members; ++member) {
    if (member == self.index()) continue;
    if (self.LivesElsewhere(member)) {
      return Status(Code::kBusy, "member " + std::to_string(member) + " of the pool is alive");
    }
  }
  const bool superblocks = file->SuperblocksAreGood();
  if (!superblocks) file->RestoreSuperblocks();
  PoolRepair repair = Repair(*file, self.index()).Run();
  if (!superblocks) ++repair.mended;
  repair.check = CheckPool(*file, nullptr);
  return repair;
}

}  // namespace memtiers
