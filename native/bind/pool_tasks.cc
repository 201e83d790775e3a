#include "bind/pool_tasks.h"

#include <cerrno>
#include <cstring>
#include <functional>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include "bind/external_buffer.h"
#include "bind/pool.h"
#include "bind/pool_report.h"
#include "bind/pool_value.h"

namespace memtiers {
namespace {

Status OutOfMemory() { return Status::FromErrno(ENOMEM, "", "a pool's own tables"); }

// A task whose work is told by what it returns.
class PoolTask : public Task {
 protected:
  virtual Status Work() = 0;

 private:
  void Run() override {
    try {
      status_ = Work();
    } catch (const std::bad_alloc&) {
      status_ = OutOfMemory();
    }
  }
  Status Finish() override { return status_; }

  Status status_;
};

// One call, and how JavaScript sees what it gave.
template <typename T>
class CallTask final : public PoolTask {
 public:
  CallTask(std::function<Result<T>()> call, std::function<Napi::Value(Napi::Env, const T&)> convert)
      : call_(std::move(call)), convert_(std::move(convert)) {}

 private:
  Status Work() override {
    Result<T> result = call_();
    // What it holds is let go of here, and not while JavaScript waits.
    call_ = nullptr;
    if (!result.ok()) return result.status();
    value_.emplace(std::move(result.value()));
    return {};
  }
  Napi::Value ToValue(Napi::Env env) override { return convert_(env, *value_); }

  std::function<Result<T>()> call_;
  std::function<Napi::Value(Napi::Env, const T&)> convert_;
  std::optional<T> value_;
};

template <typename T, typename Convert>
std::unique_ptr<Task> MakeCall(std::function<Result<T>()> call, Convert&& convert) {
  return std::make_unique<CallTask<T>>(std::move(call), std::forward<Convert>(convert));
}

// What a status says, as a result.
Result<bool> Done(const Status& status) {
  if (!status.ok()) return status;
  return true;
}

template <typename T>
std::function<Result<T>()> OnAnother(std::shared_ptr<PoolMember> member,
                                     std::function<Result<T>(PoolSet&)> call) {
  return [member = std::move(member), call = std::move(call)]() -> Result<T> {
    Result<std::unique_ptr<PoolSet>> another = member->OpenAnother();
    if (!another.ok()) return another.status();
    return call(*another.value());
  };
}

Napi::Value Nothing(Napi::Env env, bool /*done*/) { return env.Undefined(); }

// Copies without the lock: the draft's bytes are nobody else's.
class PutTask final : public PoolTask {
 public:
  PutTask(std::shared_ptr<PoolMember> member, PoolPut put, const Napi::Uint8Array& source)
      : member_(std::move(member)),
        put_(std::move(put)),
        bytes_(reinterpret_cast<const std::byte*>(source.Data()), source.ByteLength()),
        source_(Napi::Persistent(source)) {}

 private:
  Status Work() override {
    const Result<SetDraft> draft = member_->Use(
        [&](PoolSet& set) { return set.Begin(put_.key, PoolPayloadBytes(bytes_.size())); });
    if (!draft.ok()) return draft.status();
    WritePoolValue(draft.value().payload, bytes_, put_.type);
    const Result<Changed> changed = member_->Use([&](PoolSet& set) {
      Result<Changed> published = set.Publish(draft.value(), ObjectKind::kValue, put_.expected);
      if (!published.ok() || !published.value().done) set.Abandon(draft.value());
      return published;
    });
    if (!changed.ok()) return changed.status();
    version_ = changed.value().done ? changed.value().version : 0;
    return {};
  }
  Napi::Value ToValue(Napi::Env env) override {
    return Napi::Number::New(env, static_cast<double>(version_));
  }

  std::shared_ptr<PoolMember> member_;
  PoolPut put_;
  std::span<const std::byte> bytes_;
  Napi::Reference<Napi::Uint8Array> source_;  // keeps the bytes alive
  uint64_t version_ = 0;
};

// Copies without the lock: the value is held.
class FetchTask final : public PoolTask {
 public:
  FetchTask(std::shared_ptr<PoolMember> member, std::string key)
      : member_(std::move(member)), key_(std::move(key)) {}

 private:
  Status Work() override {
    const Result<std::optional<SetHeld>> got =
        member_->Use([&](PoolSet& set) { return set.Get(key_); });
    if (!got.ok()) return got.status();
    if (!got.value().has_value()) return {};
    const SetHeld& held = *got.value();
    const PoolValueBytes value = ToPoolValue(held);
    version_ = held.version;
    kind_ = held.kind;
    type_ = value.type;
    bytes_ = value.bytes.size();
    // Not cleared first, as a vector would be.
    copy_.reset(new (std::nothrow) std::byte[bytes_ == 0 ? 1 : bytes_]);
    if (copy_ != nullptr && bytes_ > 0) std::memcpy(copy_.get(), value.bytes.data(), bytes_);
    member_->Use([&](PoolSet& set) { set.Release(held); });
    return copy_ == nullptr ? OutOfMemory() : Status();
  }

  Napi::Value ToValue(Napi::Env env) override {
    if (copy_ == nullptr) return env.Null();
    Napi::Object value = Napi::Object::New(env);
    value.Set("version", static_cast<double>(version_));
    value.Set("kind", ObjectKindName(kind_));
    value.Set("type", type_);
    value.Set("buffer", ToBuffer(env));
    return value;
  }

  Napi::ArrayBuffer ToBuffer(Napi::Env env) {
    if (bytes_ == 0) return Napi::ArrayBuffer::New(env, 0);
    struct Bytes {
      std::unique_ptr<std::byte[]> bytes;
    };
    std::byte* const address = copy_.get();
    return NewExternalBuffer(env, address, bytes_,
                             std::make_unique<Bytes>(Bytes{.bytes = std::move(copy_)}));
  }

  std::shared_ptr<PoolMember> member_;
  std::string key_;
  std::unique_ptr<std::byte[]> copy_;
  uint64_t bytes_ = 0;
  uint64_t version_ = 0;
  ObjectKind kind_ = ObjectKind::kValue;
  uint32_t type_ = 0;
};

// kInvalid: the key has something else. Nothing: it has nothing.
Result<std::optional<bool>> HasRegion(PoolMember& member, const std::string& key, uint64_t bytes) {
  return member.Use([&](PoolSet& set) -> Result<std::optional<bool>> {
    const Result<std::optional<SetHeld>> got = set.Get(key);
    if (!got.ok()) return got.status();
    if (!got.value().has_value()) return std::optional<bool>();
    const SetHeld& held = *got.value();
    const bool same = held.kind == ObjectKind::kRegion && held.payload.size() == bytes;
    const uint64_t found = held.payload.size();
    const bool region = held.kind == ObjectKind::kRegion;
    set.Release(held);
    if (same) return std::optional(true);
    return Status(Code::kInvalid,
                  region ? "the key has a region of " + std::to_string(found) + " bytes"
                         : "the key has something that is no region");
  });
}

Result<bool> MakeRegion(PoolMember& member, const std::string& key, uint64_t bytes) {
  for (;;) {
    const Result<std::optional<bool>> there = HasRegion(member, key, bytes);
    if (!there.ok()) return there.status();
    if (there.value().has_value()) return false;
    const Result<SetDraft> draft = member.Use([&](PoolSet& set) { return set.Begin(key, bytes); });
    if (!draft.ok()) return draft.status();
    std::memset(draft.value().payload.data(), 0, draft.value().payload.size());
    const Result<Changed> made = member.Use([&](PoolSet& set) {
      Result<Changed> published = set.Publish(draft.value(), ObjectKind::kRegion, 0);
      if (!published.ok() || !published.value().done) set.Abandon(draft.value());
      return published;
    });
    if (!made.ok()) return made.status();
    if (made.value().done) return true;
    // Somebody else was first: then it is his that counts.
  }
}

class RepairTask final : public PoolTask {
 public:
  RepairTask(std::shared_ptr<PoolMember> member, std::shared_ptr<bool> repairing)
      : member_(std::move(member)), repairing_(std::move(repairing)) {
    *repairing_ = true;
  }
  RepairTask(const RepairTask&) = delete;
  RepairTask& operator=(const RepairTask&) = delete;
  ~RepairTask() override { *repairing_ = false; }

 private:
  Status Work() override {
    Result<SetRepair> repair = member_->Use([](PoolSet& set) { return set.Repair(); });
    if (!repair.ok()) return repair.status();
    repair_ = std::move(repair.value());
    return {};
  }
  Napi::Value ToValue(Napi::Env env) override { return memtiers::ToValue(env, repair_); }

  std::shared_ptr<PoolMember> member_;
  std::shared_ptr<bool> repairing_;
  SetRepair repair_;
};

Result<std::unique_ptr<PoolSet>> OpenSet(const PoolConfig& config) {
  const auto& [devices, options] = config.places;
  switch (config.opening) {
    case PoolOpening::kOpen:
      return PoolSet::Open(devices, options);
    case PoolOpening::kCreate:
      return PoolSet::Create(devices, config.format, options);
    case PoolOpening::kOpenOrCreate:
      return PoolSet::OpenOrCreate(devices, config.format, options);
  }
  return Status(Code::kInvalid, "no such way to open a pool");
}

class OpenTask final : public PoolTask {
 public:
  OpenTask(PoolConfig config, Napi::Reference<Napi::ArrayBuffer> scratch)
      : config_(std::move(config)), scratch_(std::move(scratch)) {}

 private:
  Status Work() override {
    Result<std::unique_ptr<PoolSet>> set = OpenSet(config_);
    if (!set.ok()) return set.status();
    member_ = std::make_shared<PoolMember>(std::move(set.value()), std::move(config_.places));
    return {};
  }
  Napi::Value ToValue(Napi::Env env) override {
    return MakePoolObject(env, std::move(member_), std::move(scratch_));
  }

  PoolConfig config_;
  Napi::Reference<Napi::ArrayBuffer> scratch_;
  std::shared_ptr<PoolMember> member_;
};

}  // namespace

std::unique_ptr<Task> MakePoolPut(std::shared_ptr<PoolMember> member, PoolPut put,
                                  const Napi::Uint8Array& source) {
  return std::make_unique<PutTask>(std::move(member), std::move(put), source);
}

std::unique_ptr<Task> MakePoolFetch(std::shared_ptr<PoolMember> member, std::string key) {
  return std::make_unique<FetchTask>(std::move(member), std::move(key));
}

std::unique_ptr<Task> MakePoolRegion(std::shared_ptr<PoolMember> member, std::string key,
                                     uint64_t bytes) {
  return MakeCall<bool>([member = std::move(member), key = std::move(key),
                         bytes] { return MakeRegion(*member, key, bytes); },
                        [](Napi::Env env, bool made) { return Napi::Boolean::New(env, made); });
}

std::unique_ptr<Task> MakePoolMaintain(std::shared_ptr<PoolMember> member) {
  return MakeCall<uint32_t>(
      [member = std::move(member)] {
        return Result<uint32_t>(member->Use([](PoolSet& set) { return set.Maintain(); }));
      },
      [](Napi::Env env, uint32_t dead) { return Napi::Number::New(env, dead); });
}

std::unique_ptr<Task> MakePoolCheck(std::shared_ptr<PoolMember> member) {
  return MakeCall<SetCheck>(
      OnAnother<SetCheck>(std::move(member), [](PoolSet& set) { return set.Check(); }),
      [](Napi::Env env, const SetCheck& check) { return ToValue(env, check); });
}

std::unique_ptr<Task> MakePoolScrub(std::shared_ptr<PoolMember> member) {
  return MakeCall<SetScrub>(
      OnAnother<SetScrub>(std::move(member), [](PoolSet& set) { return set.Scrub(); }),
      [](Napi::Env env, const SetScrub& scrub) { return ToValue(env, scrub); });
}

std::unique_ptr<Task> MakePoolReclaim(std::shared_ptr<PoolMember> member, uint64_t boot) {
  return MakeCall<uint32_t>(
      OnAnother<uint32_t>(std::move(member), [boot](PoolSet& set) { return set.Reclaim(boot); }),
      [](Napi::Env env, uint32_t members) { return Napi::Number::New(env, members); });
}

std::unique_ptr<Task> MakePoolAddDevice(std::shared_ptr<PoolMember> member, PoolDevice device,
                                        bool overwrite) {
  return MakeCall<bool>(OnAnother<bool>(std::move(member),
                                        [device = std::move(device), overwrite](PoolSet& set) {
                                          return Done(set.AddDevice(device, overwrite));
                                        }),
                        Nothing);
}

std::unique_ptr<Task> MakePoolDeclareLost(std::shared_ptr<PoolMember> member, uint32_t ordinal) {
  return MakeCall<bool>(
      OnAnother<bool>(std::move(member),
                      [ordinal](PoolSet& set) { return Done(set.DeclareLost(ordinal)); }),
      Nothing);
}

std::unique_ptr<Task> MakePoolRepair(std::shared_ptr<PoolMember> member,
                                     std::shared_ptr<bool> repairing) {
  return std::make_unique<RepairTask>(std::move(member), std::move(repairing));
}

std::unique_ptr<Task> MakePoolOpen(PoolConfig config, Napi::Reference<Napi::ArrayBuffer> scratch) {
  return std::make_unique<OpenTask>(std::move(config), std::move(scratch));
}

std::unique_ptr<Task> MakePoolDestroy(std::vector<PoolDevice> devices) {
  return MakeCall<bool>([devices = std::move(devices)] { return Done(PoolSet::Destroy(devices)); },
                        Nothing);
}

}  // namespace memtiers
