// What keys have: putting, reading, lending and deleting it.
#include <cstring>
#include <utility>
#include <vector>

#include "bind/arguments.h"
#include "bind/errors.h"
#include "bind/pool.h"
#include "bind/pool_config.h"
#include "bind/pool_object.h"
#include "bind/pool_report.h"
#include "bind/pool_tasks.h"
#include "bind/pool_value.h"

namespace memtiers {
namespace {

constexpr uint64_t kMaxListed = 4096;
constexpr uint64_t kMaxPosition = uint64_t{1} << 48;

// What read() returns.
constexpr uint32_t kReadNothing = 0;
constexpr uint32_t kReadDone = 1;
constexpr uint32_t kReadTooLarge = 2;

uint32_t KindNumber(ObjectKind kind) { return static_cast<uint32_t>(kind); }

Napi::Uint8Array ReadBytes(Napi::Value value) {
  const bool bytes =
      value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
  if (!bytes) ThrowInvalid(value.Env(), "source", "a Uint8Array");
  return value.As<Napi::Uint8Array>();
}

PoolPut ReadPut(const Napi::CallbackInfo& info) {
  return {.key = ReadPoolKey(info[0]),
          .type = static_cast<uint32_t>(ToUnsigned(info[2], "type", kMaxPoolValueType)),
          .expected = ReadExpectedVersion(info[3])};
}

Napi::Value Count(const Napi::CallbackInfo& info, uint64_t value) {
  return Napi::Number::New(info.Env(), static_cast<double>(value));
}

}  // namespace

Napi::Value PoolObject::Put(const Napi::CallbackInfo& info) {
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

Napi::Value PoolObject::PutLarge(const Napi::CallbackInfo& info) {
  PoolPut put = ReadPut(info);
  return Task::Start(info.Env(), MakePoolPut(member_, std::move(put), ReadBytes(info[1])));
}

Napi::Value PoolObject::Read(const Napi::CallbackInfo& info) {
  const std::string key = ReadPoolKey(info[0]);
  const Result<uint32_t> read = member_->Use([&](PoolSet& set) -> Result<uint32_t> {
    const Result<std::optional<SetHeld>> got = set.Get(key);
    if (!got.ok()) return got.status();
    if (!got.value().has_value()) return kReadNothing;
    const SetHeld& held = *got.value();
    const PoolValueBytes value = ToPoolValue(held);
    const double head[] = {static_cast<double>(held.version),
                           static_cast<double>(value.bytes.size()), static_cast<double>(value.type),
                           static_cast<double>(KindNumber(held.kind))};
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

Napi::Value PoolObject::Fetch(const Napi::CallbackInfo& info) {
  return Task::Start(info.Env(), MakePoolFetch(member_, ReadPoolKey(info[0])));
}

Napi::Value PoolObject::Borrow(const Napi::CallbackInfo& info) {
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

Napi::Value PoolObject::Release(const Napi::CallbackInfo& info) {
  leases_->Release(ToUint32(info[0], "id"));
  return info.Env().Undefined();
}

Napi::Value PoolObject::MakeRegion(const Napi::CallbackInfo& info) {
  std::string key = ReadPoolKey(info[0]);
  return Task::Start(info.Env(),
                     MakePoolRegion(member_, std::move(key), ToBytes(info[1], "byteLength")));
}

Napi::Value PoolObject::Delete(const Napi::CallbackInfo& info) {
  const std::string key = ReadPoolKey(info[0]);
  const std::optional<uint64_t> expected = ReadExpectedVersion(info[1]);
  const Changed changed = ValueOrThrow(
      info.Env(), member_->Use([&](PoolSet& set) { return set.Delete(key, expected); }));
  return Napi::Boolean::New(info.Env(), changed.done);
}

Napi::Value PoolObject::Add(const Napi::CallbackInfo& info) {
  const std::string key = ReadPoolKey(info[0]);
  if (!info[1].IsBigInt()) ThrowInvalid(info.Env(), "amount", "a bigint");
  bool lossless = false;
  const int64_t amount = info[1].As<Napi::BigInt>().Int64Value(&lossless);
  if (!lossless) ThrowInvalid(info.Env(), "amount", "from -2^63 to 2^63 - 1");
  const int64_t sum =
      ValueOrThrow(info.Env(), member_->Use([&](PoolSet& set) { return set.Add(key, amount); }));
  return Napi::BigInt::New(info.Env(), sum);
}

Napi::Value PoolObject::VersionOf(const Napi::CallbackInfo& info) {
  const std::string key = ReadPoolKey(info[0]);
  return Count(info, ValueOrThrow(info.Env(),
                                  member_->Use([&](PoolSet& set) { return set.VersionOf(key); })));
}

Napi::Value PoolObject::List(const Napi::CallbackInfo& info) {
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

}  // namespace memtiers
