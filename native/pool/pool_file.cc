#include "pool/pool_file.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <random>
#include <thread>
#include <utility>

#include "pool/superblock.h"
#include "sys/cache_writeback.h"
#include "sys/mapping.h"

namespace memtiers {
namespace {

constexpr uint64_t kDoorByte = uint64_t{1} << 20;  // who formats, opens or takes away has it
constexpr auto kDoorWait = std::chrono::seconds(5);

Status WaitForDoor(RecordLock& lock) {
  const auto until = std::chrono::steady_clock::now() + kDoorWait;
  Status status = lock.TryLock(kDoorByte);
  while (status.code() == Code::kBusy && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    status = lock.TryLock(kDoorByte);
  }
  return status;
}

std::array<uint8_t, 16> NewUuid() {
  std::random_device random;
  std::array<uint8_t, 16> uuid{};
  std::ranges::generate(uuid, [&] { return static_cast<uint8_t>(random()); });
  uuid[6] = (uuid[6] & 0x0f) | 0x40;  // RFC 9562, version 4
  uuid[8] = (uuid[8] & 0x3f) | 0x80;
  return uuid;
}

template <size_t N>
Status CopyLabel(const std::string& text, std::array<char, N>& label) {
  if (text.size() >= N) {
    return Status(Code::kInvalid, "a pool's labels have up to " + std::to_string(N - 1) + " bytes");
  }
  std::ranges::copy(text, label.begin());
  return {};
}

Status CheckNobodyIsIn(RecordLock& lock) {
  for (uint32_t member = 0; member < kMaxMembers; ++member) {
    if (lock.HeldByAnother(member)) {
      return Status(Code::kBusy, "member " + std::to_string(member) + " of the pool is alive");
    }
  }
  return {};
}

Status CheckMayFormat(std::span<const std::byte> start) {
  const Result<SuperblockReading> reading = ReadSuperblocks(start);
  if (reading.ok() && reading.value().content == PoolContent::kNothing) return {};
  if (!reading.ok() || reading.value().content == PoolContent::kPool) {
    return Status(Code::kBusy, "there is a pool already");
  }
  if (reading.value().content == PoolContent::kHalfWritten) {
    return Status(Code::kBusy, "there is a pool whose creation was interrupted");
  }
  return Status(Code::kBusy, "there is something that is not a pool");
}

Status NoPool(PoolContent content) {
  switch (content) {
    case PoolContent::kHalfWritten:
      return Status(Code::kUnavailable, "the pool's creation was interrupted; create it again");
    case PoolContent::kForeign:
      return Status(Code::kUnavailable, "this is something else than a pool");
    default:
      return Status(Code::kUnavailable, "there is no pool here");
  }
}

}  // namespace

PoolFile::~PoolFile() {
  guard_.reset();
  if (base_ != nullptr) ReleaseAddressSpace(base_, reserved_bytes_);
}

Result<RecordLock> PoolFile::OpenLock() const {
  return lock_path_.empty() ? RecordLock::Open(device_.fd.get()) : RecordLock::Open(lock_path_);
}

Result<std::unique_ptr<PoolFile>> PoolFile::Map(const PoolPlace& place, SharedDevice device,
                                                bool read_only) {
  auto file = std::unique_ptr<PoolFile>(new PoolFile);
  const uint64_t bytes = device.bytes / device.align_bytes * device.align_bytes;
  if (bytes < 2 * kSuperblockBytes) return NoPool(PoolContent::kNothing);
  const size_t alignment = std::max<uint64_t>(kChunkBytes, device.align_bytes);
  const uint64_t reserved = AlignUp(bytes, kChunkBytes);  // faults are guarded by the chunk
  const Result<std::byte*> base = ReserveAddressSpace(reserved, alignment);
  if (!base.ok()) return base.status();
  file->base_ = base.value();
  file->mapped_bytes_ = bytes;
  file->reserved_bytes_ = reserved;
  file->lock_path_ = place.lock_path;
  file->read_only_ = read_only;
  file->device_ = std::move(device);
  const Status mapped =
      MapFile(file->base_, bytes, {.fd = file->device_.fd.get(), .read_only = read_only});
  if (!mapped.ok()) return mapped;
  file->lost_ = std::make_shared<DamageCounter>(0);
  Result<std::unique_ptr<BusFaultGuard>> guard =
      BusFaultGuard::Guard(file->base_, reserved, file->lost_);
  if (!guard.ok()) return guard.status();
  file->guard_ = std::move(guard.value());
  return file;
}

Status PoolFile::Use(const Superblock& superblock) {
  if (const Status checked = CheckSuperblock(superblock, mapped_bytes_); !checked.ok()) {
    return checked;
  }
  superblock_ = superblock;
  Result<PoolLayout> layout = PoolLayout::Of(superblock.sizes);
  if (!layout.ok()) return layout.status();
  layout_ = std::make_unique<PoolLayout>(std::move(layout.value()));
  uint64_t seed = 0;
  std::memcpy(&seed, superblock.set_uuid.data(), sizeof seed);
  memory_ = std::make_unique<PoolMemory>(base_, *layout_, superblock.coherence, seed);
  return {};
}

Result<std::shared_ptr<const PoolFile>> PoolFile::Open(const PoolPlace& place, bool read_only) {
  Result<SharedDevice> device = OpenSharedDevice(place.path);
  if (!device.ok()) return device.status();
  Result<std::unique_ptr<PoolFile>> mapped = Map(place, std::move(device.value()), read_only);
  if (!mapped.ok()) return mapped.status();
  std::unique_ptr<PoolFile>& file = mapped.value();
  Result<RecordLock> lock = file->OpenLock();
  if (!lock.ok()) return lock.status();
  if (const Status door = WaitForDoor(lock.value()); !door.ok()) return door;
  const Result<SuperblockReading> reading = ReadSuperblocks({file->base_, 2 * kSuperblockBytes});
  if (!reading.ok()) return reading.status();
  if (reading.value().content != PoolContent::kPool) return NoPool(reading.value().content);
  if (const Status used = file->Use(reading.value().superblock); !used.ok()) return used;
  return std::shared_ptr<const PoolFile>(std::move(file));
}

Status PoolFile::CheckMayFormatAt(const PoolPlace& place, uint64_t bytes, bool overwrite) {
  if (overwrite || bytes == 0) return {};
  if (bytes < 2 * kSuperblockBytes) {
    return Status(Code::kBusy, "there is something that is not a pool");
  }
  Result<SharedDevice> device = OpenSharedDevice(place.path);
  if (!device.ok()) return device.status();
  const Result<std::unique_ptr<PoolFile>> mapped = Map(place, std::move(device.value()));
  if (!mapped.ok()) return mapped.status();
  return CheckMayFormat({mapped.value()->base_, 2 * kSuperblockBytes});
}

Result<std::shared_ptr<const PoolFile>> PoolFile::Create(const PoolPlace& place,
                                                         const PoolFormat& format) {
  Superblock superblock{};
  superblock.version = kPoolVersion;
  superblock.sizes = format.sizes;
  superblock.coherence = format.coherence;
  superblock.device_ordinal = format.device_ordinal;
  superblock.device_count = format.device_count;
  superblock.uuid = format.uuid == std::array<uint8_t, 16>{} ? NewUuid() : format.uuid;
  superblock.set_uuid =
      format.set_uuid == std::array<uint8_t, 16>{} ? superblock.uuid : format.set_uuid;
  if (const Status named = CopyLabel(format.name, superblock.name); !named.ok()) return named;
  if (const Status named = CopyLabel(format.failure_domain, superblock.failure_domain);
      !named.ok()) {
    return named;
  }
  Result<SharedDevice> device = OpenOrCreateShared(place.path);
  if (!device.ok()) return device.status();
  SharedDevice& found = device.value();
  if (superblock.sizes.capacity_bytes == 0) superblock.sizes.capacity_bytes = found.bytes;
  // Sizes are refused before anything is allocated or written.
  if (const Result<PoolLayout> layout = PoolLayout::Of(superblock.sizes); !layout.ok()) {
    return layout.status();
  }
  Result<RecordLock> lock = place.lock_path.empty() ? RecordLock::Open(found.fd.get())
                                                    : RecordLock::Open(place.lock_path);
  if (!lock.ok()) return lock.status();
  if (const Status door = WaitForDoor(lock.value()); !door.ok()) return door;
  if (const Status empty = CheckNobodyIsIn(lock.value()); !empty.ok()) return empty;
  // Before it grows: what is somebody else's stays as it is.
  if (const Status may = CheckMayFormatAt(place, found.bytes, format.overwrite); !may.ok()) {
    return may;
  }
  const uint64_t bytes = AlignUp(superblock.sizes.capacity_bytes, found.align_bytes);
  if (found.character_device && bytes > found.bytes) {
    return Status(Code::kFull, place.path + " has " + std::to_string(found.bytes) + " bytes");
  }
  if (!found.character_device) {
    if (const Status grown = GrowShared(found, bytes); !grown.ok()) return grown;
  }
  Result<std::unique_ptr<PoolFile>> mapped = Map(place, std::move(found));
  if (!mapped.ok()) return mapped.status();
  std::unique_ptr<PoolFile>& file = mapped.value();
  if (const Status used = file->Use(superblock); !used.ok()) return used;
  file->Format();
  return std::shared_ptr<const PoolFile>(std::move(file));
}

void PoolFile::Format() {
  EraseSuperblocks(base_);
  std::byte* const metadata = base_ + 2 * kSuperblockBytes;
  const uint64_t bytes = layout_->data_offset() - 2 * kSuperblockBytes;
  std::memset(metadata, 0, bytes);
  WriteBackCaches(metadata, bytes);
  WriteSuperblocks(base_, superblock_);
}

Result<PoolContent> PoolFile::Look(const PoolPlace& place) {
  Result<SharedDevice> device = OpenSharedDevice(place.path);
  if (!device.ok()) {
    if (device.status().error() == ENOENT) return PoolContent::kNothing;
    return device.status();
  }
  const uint64_t bytes = device.value().bytes;
  if (bytes == 0) return PoolContent::kNothing;
  if (bytes < 2 * kSuperblockBytes) return PoolContent::kForeign;
  const Result<std::unique_ptr<PoolFile>> mapped = Map(place, std::move(device.value()), true);
  if (!mapped.ok()) return mapped.status();
  const Result<SuperblockReading> reading =
      ReadSuperblocks({mapped.value()->base_, 2 * kSuperblockBytes});
  // A pool that is damaged, or of another version, is one.
  return reading.ok() ? reading.value().content : PoolContent::kPool;
}

Status PoolFile::CheckNoMembers(const PoolPlace& place) {
  Result<SharedDevice> device = OpenSharedDevice(place.path);
  if (!device.ok()) return device.status();
  Result<RecordLock> lock = place.lock_path.empty() ? RecordLock::Open(device.value().fd.get())
                                                    : RecordLock::Open(place.lock_path);
  if (!lock.ok()) return lock.status();
  return CheckNobodyIsIn(lock.value());
}

Status PoolFile::Destroy(const PoolPlace& place) {
  Result<SharedDevice> device = OpenSharedDevice(place.path);
  if (!device.ok()) return device.status();
  Result<std::unique_ptr<PoolFile>> mapped = Map(place, std::move(device.value()));
  if (!mapped.ok()) return mapped.status();
  PoolFile& file = *mapped.value();
  Result<RecordLock> lock = file.OpenLock();
  if (!lock.ok()) return lock.status();
  if (const Status door = WaitForDoor(lock.value()); !door.ok()) return door;
  if (const Status empty = CheckNobodyIsIn(lock.value()); !empty.ok()) return empty;
  const Result<SuperblockReading> reading = ReadSuperblocks({file.base_, 2 * kSuperblockBytes});
  // A damaged pool is one; what never was one is left alone.
  if (reading.ok() && (reading.value().content == PoolContent::kForeign ||
                       reading.value().content == PoolContent::kNothing)) {
    return NoPool(reading.value().content);
  }
  EraseSuperblocks(file.base_);
  return {};
}

Status PoolFile::MapPart(std::byte* address, uint64_t offset, uint64_t bytes) const {
  return MapFile(address, bytes, {.fd = device_.fd.get(), .offset = offset});
}

bool PoolFile::SuperblocksAreGood() const {
  const Result<SuperblockReading> reading = ReadSuperblocks({base_, 2 * kSuperblockBytes});
  return reading.ok() && reading.value().content == PoolContent::kPool &&
         reading.value().both_good && reading.value().superblock.uuid == superblock_.uuid;
}

void PoolFile::RestoreSuperblocks() const { WriteSuperblocks(base_, superblock_); }

bool PoolFile::StillThere() const {
  const Result<SuperblockReading> reading = ReadSuperblocks({base_, 2 * kSuperblockBytes});
  return reading.ok() && reading.value().content == PoolContent::kPool &&
         reading.value().superblock.uuid == superblock_.uuid;
}

}  // namespace memtiers
