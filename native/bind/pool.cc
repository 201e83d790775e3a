#include "bind/pool.h"

#include <cerrno>
#include <cstring>
#include <limits>
#include <new>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "bind/arguments.h"
#include "bind/errors.h"
#include "bind/pool_config.h"
#include "bind/pool_leases.h"
#include "bind/pool_report.h"
#include "bind/pool_tasks.h"
#include "bind/pool_value.h"
#include "bind/pool_watches.h"

namespace memtiers {
namespace {

// The pools of a thread, so that a method called on somebody else's object is an error and not a
// wild pointer. A type tag says the same, and takes as long as the rest of a call.
std::unordered_set<const void*>& PoolsHere() {
  thread_local std::unordered_set<const void*> pools;
  return pools;
}

constexpr uint64_t kMaxListed = 4096;
constexpr uint64_t kMaxPosition = uint64_t{1} << 48;
constexpr uint64_t kMaxWatch = uint64_t{1} << 53;

// What read() returns.
constexpr uint32_t kReadNothing = 0;
constexpr uint32_t kReadDone = 1;
constexpr uint32_t kReadTooLarge = 2;

uint32_t KindNumber(ObjectKind kind) { return static_cast<uint32_t>(kind); }

class PoolObject {
 public:
  PoolObject(Napi::Env env, std::shared_ptr<PoolMember> member,
             Napi::Reference<Napi::ArrayBuffer> scratch)
      : env_(env),
        member_(std::move(member)),
        leases_(std::make_shared<PoolLeases>(member_)),
        scratch_(std::move(scratch)),
        scratch_data_(static_cast<std::byte*>(scratch_.Value().Data())),
        scratch_bytes_(scratch_.Value().ByteLength() - kPoolScratchHeadBytes) {
    napi_add_env_cleanup_hook(env_, AtExit, this);
    PoolsHere().insert(this);
  }
  PoolObject(const PoolObject&) = delete;
  PoolObject& operator=(const PoolObject&) = delete;
  ~PoolObject() {
    PoolsHere().erase(this);
    napi_remove_env_cleanup_hook(env_, AtExit, this);
    leases_->LetGo();
  }

  Napi::Value Put(const Napi::CallbackInfo& info) {
    const PoolPut put = ReadPut(info);
    const auto source = ReadBytes(info[1]);
    const std::span bytes(reinterpret_cast<const std::byte*>(source.Data()), source.ByteLength());
    const Result<Changed> changed = member_->Use([&](PoolSet& set) -> Result<Changed> {
      const Result<SetDraft> draft = set.Begin(put.key, PoolPayloadBytes(bytes.size()));
      if (!draft.ok()) return draft.status();
      WritePoolValue(draft.value().payload, bytes, put.type);
      Result<Changed> published = set.Publish(draft.value(), ObjectKind::kValue, put.expected);
      if (!published.ok() || !published.value().done) set.Abandon(draft.value());
      return published;
    });
    ThrowIfFailed(info.Env(), changed.status());
    return Count(info, changed.value().done ? changed.value().version : 0);
  }

  Napi::Value PutLarge(const Napi::CallbackInfo& info) {
    PoolPut put = ReadPut(info);
    return Task::Start(info.Env(), MakePoolPut(member_, std::move(put), ReadBytes(info[1])));
  }

  Napi::Value Read(const Napi::CallbackInfo& info) {
    const std::string key = ReadPoolKey(info[0]);
    const Result<uint32_t> read = member_->Use([&](PoolSet& set) -> Result<uint32_t> {
      const Result<std::optional<SetHeld>> got = set.Get(key);
      if (!got.ok()) return got.status();
      if (!got.value().has_value()) return kReadNothing;
      const SetHeld& held = *got.value();
      const PoolValueBytes value = ToPoolValue(held);
      const double head[] = {
          static_cast<double>(held.version), static_cast<double>(value.bytes.size()),
          static_cast<double>(value.type), static_cast<double>(KindNumber(held.kind))};
      static_assert(sizeof head <= kPoolScratchHeadBytes);
      std::memcpy(scratch_data_, head, sizeof head);
      const bool fits = value.bytes.size() <= scratch_bytes_;
      if (fits && !value.bytes.empty()) {
        std::memcpy(scratch_data_ + kPoolScratchHeadBytes, value.bytes.data(), value.bytes.size());
      }
      set.Release(held);
      return fits ? kReadDone : kReadTooLarge;
    });
    return Napi::Number::New(info.Env(), ValueOrThrow(info.Env(), read));
  }

  Napi::Value Fetch(const Napi::CallbackInfo& info) {
    return Task::Start(info.Env(), MakePoolFetch(member_, ReadPoolKey(info[0])));
  }

  Napi::Value Borrow(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const std::string key = ReadPoolKey(info[0]);
    const Result<std::optional<SetHeld>> got =
        member_->Use([&](PoolSet& set) { return set.Get(key); });
    ThrowIfFailed(env, got.status());
    if (!got.value().has_value()) return env.Null();
    const SetHeld& held = *got.value();
    const PoolValueBytes value = ToPoolValue(held);
    const double version = static_cast<double>(held.version);
    const char* const kind = ObjectKindName(held.kind);
    const PoolLeases::Opened opened = leases_->Open(env, held, value.bytes.size());
    Napi::Object lease = Napi::Object::New(env);
    lease.Set("buffer", opened.buffer);
    lease.Set("id", opened.id);
    lease.Set("version", version);
    lease.Set("kind", kind);
    lease.Set("type", value.type);
    return lease;
  }

  Napi::Value Release(const Napi::CallbackInfo& info) {
    leases_->Release(ToUint32(info[0], "id"));
    return info.Env().Undefined();
  }

  Napi::Value MakeRegion(const Napi::CallbackInfo& info) {
    std::string key = ReadPoolKey(info[0]);
    return Task::Start(info.Env(),
                       MakePoolRegion(member_, std::move(key), ToBytes(info[1], "byteLength")));
  }

  Napi::Value Delete(const Napi::CallbackInfo& info) {
    const std::string key = ReadPoolKey(info[0]);
    const std::optional<uint64_t> expected = ReadExpectedVersion(info[1]);
    const Changed changed = ValueOrThrow(
        info.Env(), member_->Use([&](PoolSet& set) { return set.Delete(key, expected); }));
    return Napi::Boolean::New(info.Env(), changed.done);
  }

  Napi::Value Add(const Napi::CallbackInfo& info) {
    const std::string key = ReadPoolKey(info[0]);
    if (!info[1].IsBigInt()) ThrowInvalid(info.Env(), "amount", "a bigint");
    bool lossless = false;
    const int64_t amount = info[1].As<Napi::BigInt>().Int64Value(&lossless);
    if (!lossless) ThrowInvalid(info.Env(), "amount", "from -2^63 to 2^63 - 1");
    const int64_t sum =
        ValueOrThrow(info.Env(), member_->Use([&](PoolSet& set) { return set.Add(key, amount); }));
    return Napi::BigInt::New(info.Env(), sum);
  }

  Napi::Value VersionOf(const Napi::CallbackInfo& info) {
    const std::string key = ReadPoolKey(info[0]);
    return Count(
        info,
        ValueOrThrow(info.Env(), member_->Use([&](PoolSet& set) { return set.VersionOf(key); })));
  }

  Napi::Value List(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    uint64_t position = ToUnsigned(info[0], "position", kMaxPosition);
    const uint64_t most = ToUnsigned(info[1], "most", kMaxListed);
    bool more = true;
    const std::vector<Listed> listed = member_->Use([&](PoolSet& set) {
      std::vector<Listed> found;
      while (found.size() < most) {
        std::optional<Listed> next = set.Next(position);
        more = next.has_value();
        if (!more) break;
        found.push_back(std::move(*next));
      }
      return found;
    });
    Napi::Array entries = Napi::Array::New(env, listed.size());
    for (uint32_t i = 0; i < listed.size(); ++i) {
      const Listed& one = listed[i];
      const bool typed = one.kind == ObjectKind::kValue && one.bytes > 0;
      Napi::Object entry = Napi::Object::New(env);
      entry.Set("key", one.key);
      entry.Set("byteLength", static_cast<double>(typed ? one.bytes - 1 : one.bytes));
      entry.Set("version", static_cast<double>(one.version));
      entry.Set("kind", ObjectKindName(one.kind));
      entries.Set(i, entry);
    }
    Napi::Object value = Napi::Object::New(env);
    value.Set("entries", entries);
    value.Set("next", more ? Napi::Number::New(env, static_cast<double>(position)) : env.Null());
    return value;
  }

  Napi::Value Devices(const Napi::CallbackInfo& info) {
    return ToValue(info.Env(), member_->Use([](PoolSet& set) { return set.Devices(); }));
  }

  Napi::Value Members(const Napi::CallbackInfo& info) {
    return ToValue(info.Env(), member_->Use([](PoolSet& set) { return set.Members(); }));
  }

  Napi::Value Figures(const Napi::CallbackInfo& info) {
    const Napi::Value value =
        ToValue(info.Env(), member_->Use([](PoolSet& set) { return set.figures(); }));
    value.As<Napi::Object>().Set("leases", leases_->count());
    return value;
  }

  Napi::Value Describe(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    struct Facts {
      std::string name;
      PoolSizes sizes;
      uint32_t replicas = 0;
      bool software = false;
      bool read_only = false;
      uint64_t max_payload = 0;
    };
    const Facts facts = member_->Use([](PoolSet& set) {
      return Facts{.name = set.name(),
                   .sizes = set.sizes(),
                   .replicas = set.replicas(),
                   .software = set.coherence() == PoolCoherence::kSoftware,
                   .read_only = set.read_only(),
                   .max_payload = set.MaxPayloadBytes()};
    });
    Napi::Object value = Napi::Object::New(env);
    value.Set("name", facts.name);
    value.Set("replicas", facts.replicas);
    value.Set("coherence", facts.software ? "software" : "hardware");
    value.Set("readOnly", facts.read_only);
    value.Set("maxMembers", facts.sizes.members);
    value.Set("maxHeld", facts.sizes.holds);
    value.Set("directorySlots",
              static_cast<double>(uint64_t{facts.sizes.shards} * facts.sizes.shard_slots));
    value.Set("extentBytes", static_cast<double>(facts.sizes.extent_bytes));
    value.Set("maxValueBytes",
              static_cast<double>(facts.max_payload == 0 ? 0 : facts.max_payload - 1));
    return value;
  }

  Napi::Value Maintain(const Napi::CallbackInfo& info) {
    return Task::Start(info.Env(), MakePoolMaintain(member_));
  }
  Napi::Value Check(const Napi::CallbackInfo& info) {
    return Task::Start(info.Env(), MakePoolCheck(member_));
  }
  Napi::Value Scrub(const Napi::CallbackInfo& info) {
    return Task::Start(info.Env(), MakePoolScrub(member_));
  }
  Napi::Value Repair(const Napi::CallbackInfo& info) {
    return Task::Start(info.Env(), MakePoolRepair(member_, repairing_));
  }

  Napi::Value Reclaim(const Napi::CallbackInfo& info) {
    const std::string expected = "16 hexadecimal digits";
    const std::string boot = ToText(info[0], "boot");
    if (boot.size() != 16 || boot.find_first_not_of("0123456789abcdef") != std::string::npos) {
      ThrowInvalid(info.Env(), "boot", expected);
    }
    return Task::Start(info.Env(), MakePoolReclaim(member_, std::stoull(boot, nullptr, 16)));
  }

  Napi::Value AddDevice(const Napi::CallbackInfo& info) {
    PoolDevice device = ReadPoolDevice(info[0]);
    if (!info[1].IsBoolean()) ThrowInvalid(info.Env(), "overwrite", "a boolean");
    const bool overwrite = info[1].As<Napi::Boolean>();
    return Task::Start(info.Env(), MakePoolAddDevice(member_, std::move(device), overwrite));
  }

  Napi::Value DeclareLost(const Napi::CallbackInfo& info) {
    return Task::Start(info.Env(), MakePoolDeclareLost(member_, ToUint32(info[0], "ordinal")));
  }

  Napi::Value Watch(const Napi::CallbackInfo& info) {
    const std::string key = ReadPoolKey(info[0]);
    if (!info[1].IsFunction()) ThrowInvalid(info.Env(), "changed", "a function");
    if (watches_ == nullptr) {
      watches_ =
          ValueOrThrow(info.Env(), PoolWatches::Make(info.Env(), info[1].As<Napi::Function>()));
    }
    UseDevicesOfNow();
    return Count(info, watches_->Watch(key));
  }

  Napi::Value Unwatch(const Napi::CallbackInfo& info) {
    if (watches_ != nullptr) watches_->Unwatch(ToUnsigned(info[0], "watch", kMaxWatch));
    return info.Env().Undefined();
  }

  Napi::Value FollowDevices(const Napi::CallbackInfo& info) {
    if (watches_ != nullptr) UseDevicesOfNow();
    return info.Env().Undefined();
  }

  // Detaches what was lent. Tasks under way go on, and the last of them leaves the pool.
  void Close() {
    watches_.reset();
    leases_->Close();
    member_.reset();
  }

 private:
  using Method = Napi::Value (PoolObject::*)(const Napi::CallbackInfo&);

 public:
  // One JavaScript function for one method.
  template <Method method>
  static Napi::Value Call(const Napi::CallbackInfo& info) {
    PoolObject& object = From(info);
    if (object.member_ == nullptr) {
      ThrowIfFailed(info.Env(), {Code::kClosed, "the pool is closed"});
    }
    // Nobody waits for a repair: it can take as long as reading the whole pool.
    if (*object.repairing_) {
      ThrowIfFailed(info.Env(), {Code::kBusy, "the pool is being repaired"});
    }
    try {
      return (object.*method)(info);
    } catch (const std::bad_alloc&) {
      throw ToError(info.Env(), Status::FromErrno(ENOMEM, "", "a pool's own tables"));
    }
  }
  static Napi::Value CallClose(const Napi::CallbackInfo& info) {
    From(info).Close();
    return info.Env().Undefined();
  }
  // What ends something may be called when the pool is closed or being repaired.
  template <Method method>
  static Napi::Value CallAlways(const Napi::CallbackInfo& info) {
    return (From(info).*method)(info);
  }

 private:
  static PoolObject& From(const Napi::CallbackInfo& info) {
    void* object = nullptr;
    const bool ours =
        napi_unwrap(info.Env(), info.This(), &object) == napi_ok && PoolsHere().contains(object);
    if (!ours) ThrowInvalid(info.Env(), "this", "a pool");
    return *static_cast<PoolObject*>(object);
  }

  // No JavaScript runs any more, and tasks have ended or keep the member until they do.
  static void AtExit(void* data) {
    auto* const object = static_cast<PoolObject*>(data);
    object->watches_.reset();
    object->leases_->CloseAtExit();
    object->member_.reset();
  }

  void UseDevicesOfNow() {
    watches_->SetFiles(member_->Use([](PoolSet& set) { return set.Files(); }));
  }

  static Napi::Uint8Array ReadBytes(Napi::Value value) {
    const bool bytes =
        value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
    if (!bytes) ThrowInvalid(value.Env(), "source", "a Uint8Array");
    return value.As<Napi::Uint8Array>();
  }

  static PoolPut ReadPut(const Napi::CallbackInfo& info) {
    return {.key = ReadPoolKey(info[0]),
            .type = static_cast<uint32_t>(ToUnsigned(info[2], "type", kMaxPoolValueType)),
            .expected = ReadExpectedVersion(info[3])};
  }

  static Napi::Value Count(const Napi::CallbackInfo& info, uint64_t value) {
    return Napi::Number::New(info.Env(), static_cast<double>(value));
  }

  napi_env env_;
  std::shared_ptr<PoolMember> member_;  // nullptr: closed
  std::shared_ptr<PoolLeases> leases_;
  std::unique_ptr<PoolWatches> watches_;  // once something was watched
  std::shared_ptr<bool> repairing_ = std::make_shared<bool>(false);
  Napi::Reference<Napi::ArrayBuffer> scratch_;
  std::byte* scratch_data_;
  size_t scratch_bytes_;
};

void DeletePoolObject(napi_env /*env*/, void* data, void* /*hint*/) {
  delete static_cast<PoolObject*>(data);
}

void Define(Napi::Object object, const char* name, Napi::Function function) {
  object.Set(name, function);
}

template <auto method>
void Define(Napi::Object object, const char* name) {
  Define(object, name, Napi::Function::New<PoolObject::Call<method>>(object.Env(), name));
}

template <auto method>
void DefineAlways(Napi::Object object, const char* name) {
  Define(object, name, Napi::Function::New<PoolObject::CallAlways<method>>(object.Env(), name));
}

Napi::Value OpenPool(const Napi::CallbackInfo& info) {
  PoolConfig config = ReadPoolConfig(ToObject(info[0], "config"));
  const bool scratch = info[1].IsArrayBuffer() &&
                       info[1].As<Napi::ArrayBuffer>().ByteLength() >= kMinPoolScratchBytes;
  if (!scratch) {
    ThrowInvalid(info.Env(), "scratch",
                 "an ArrayBuffer of " + std::to_string(kMinPoolScratchBytes) + " bytes or more");
  }
  return Task::Start(info.Env(), MakePoolOpen(std::move(config),
                                              Napi::Persistent(info[1].As<Napi::ArrayBuffer>())));
}

Napi::Value DestroyPool(const Napi::CallbackInfo& info) {
  return Task::Start(info.Env(), MakePoolDestroy(ReadPoolDevices(info[0])));
}

}  // namespace

Napi::Value MakePoolObject(Napi::Env env, std::shared_ptr<PoolMember> member,
                           Napi::Reference<Napi::ArrayBuffer> scratch) {
  if (scratch.Value().ByteLength() < kMinPoolScratchBytes) {
    ThrowInvalid(env, "scratch", "an ArrayBuffer that stays attached");
  }
  Napi::Object object = Napi::Object::New(env);
  auto wrapped = std::make_unique<PoolObject>(env, std::move(member), std::move(scratch));
  if (napi_wrap(env, object, wrapped.get(), DeletePoolObject, nullptr, nullptr) != napi_ok) {
    throw Napi::Error::New(env);
  }
  (void)wrapped.release();  // the object's finalizer deletes it
  Define<&PoolObject::Put>(object, "put");
  Define<&PoolObject::PutLarge>(object, "putLarge");
  Define<&PoolObject::Read>(object, "read");
  Define<&PoolObject::Fetch>(object, "fetch");
  Define<&PoolObject::Borrow>(object, "borrow");
  Define<&PoolObject::MakeRegion>(object, "makeRegion");
  Define<&PoolObject::Delete>(object, "delete");
  Define<&PoolObject::Add>(object, "add");
  Define<&PoolObject::VersionOf>(object, "versionOf");
  Define<&PoolObject::List>(object, "list");
  Define<&PoolObject::Devices>(object, "devices");
  Define<&PoolObject::Members>(object, "members");
  Define<&PoolObject::Figures>(object, "figures");
  Define<&PoolObject::Describe>(object, "describe");
  Define<&PoolObject::Maintain>(object, "maintain");
  Define<&PoolObject::Check>(object, "check");
  Define<&PoolObject::Scrub>(object, "scrub");
  Define<&PoolObject::Repair>(object, "repair");
  Define<&PoolObject::Reclaim>(object, "reclaim");
  Define<&PoolObject::AddDevice>(object, "addDevice");
  Define<&PoolObject::DeclareLost>(object, "declareLost");
  Define<&PoolObject::Watch>(object, "watch");
  Define<&PoolObject::FollowDevices>(object, "followDevices");
  DefineAlways<&PoolObject::Unwatch>(object, "unwatch");
  DefineAlways<&PoolObject::Release>(object, "release");
  Define(object, "close", Napi::Function::New<PoolObject::CallClose>(env, "close"));
  return object;
}

void ExportPool(Napi::Env env, Napi::Object exports) {
  exports.Set("openPool", Napi::Function::New<OpenPool>(env, "openPool"));
  exports.Set("destroyPool", Napi::Function::New<DestroyPool>(env, "destroyPool"));
}

}  // namespace memtiers
