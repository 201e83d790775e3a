// Values on their way in and out, without keeping the pool from others while bytes are copied.
#include <cstring>
#include <new>
#include <span>
#include <utility>

#include "bind/external_buffer.h"
#include "bind/pool_report.h"
#include "bind/pool_task_base.h"
#include "bind/pool_tasks.h"
#include "bind/pool_value.h"
#include "bind/source_bytes.h"

namespace memtiers {
namespace {

// A value that is being put, until it is published: given back if it never is.
class PendingPut {
 public:
  PendingPut(std::shared_ptr<PoolMember> member, PoolPut put)
      : member_(std::move(member)), put_(std::move(put)) {}
  PendingPut(const PendingPut&) = delete;
  PendingPut& operator=(const PendingPut&) = delete;
  ~PendingPut() { Abandon(); }

  // Copies without the lock: the draft's bytes are nobody else's.
  Status Begin(const SourceBytes& bytes) {
    Result<SetDraft> draft = member_->Use(
        [&](PoolSet& set) { return set.Begin(put_.key, PoolPayloadBytes(bytes.size())); });
    if (!draft.ok()) return draft.status();
    draft_ = std::move(draft.value());
    const std::span<std::byte> payload = draft_->payload;
    payload.back() = static_cast<std::byte>(put_.type);
    return bytes.CopyTo(payload.first(bytes.size()));
  }

  // The version, 0: the key has another one than was expected.
  Result<uint64_t> Publish() {
    const Result<Changed> changed = member_->Use(
        [&](PoolSet& set) { return set.Publish(*draft_, ObjectKind::kValue, put_.expected); });
    if (!changed.ok()) return changed.status();
    if (!changed.value().done) return uint64_t{0};
    draft_.reset();
    return changed.value().version;
  }

  void Abandon() {
    if (draft_.has_value()) member_->Use([&](PoolSet& set) { set.Abandon(*draft_); });
    draft_.reset();
  }

 private:
  std::shared_ptr<PoolMember> member_;
  PoolPut put_;
  std::optional<SetDraft> draft_;
};

class PublishTask final : public PoolTask {
 public:
  PublishTask(std::unique_ptr<PendingPut> pending, bool intact)
      : pending_(std::move(pending)), intact_(intact) {}

 private:
  Status Work() override {
    const Result<uint64_t> version = intact_ ? pending_->Publish() : SourceBytes::TakenAway();
    pending_.reset();
    if (!version.ok()) return version.status();
    version_ = version.value();
    return {};
  }
  Napi::Value ToValue(Napi::Env env) override {
    return Napi::Number::New(env, static_cast<double>(version_));
  }

  std::unique_ptr<PendingPut> pending_;
  bool intact_;
  uint64_t version_ = 0;
};

// Copies, and publishes once the environment's thread has seen that what was copied still is the
// source's: a buffer that was detached meanwhile may have been anything at the time.
class PutTask final : public PoolTask {
 public:
  PutTask(std::shared_ptr<PoolMember> member, PoolPut put, const Napi::Uint8Array& source)
      : pending_(std::make_unique<PendingPut>(std::move(member), std::move(put))),
        source_(source) {}

 private:
  Status Work() override {
    Status begun = pending_->Begin(source_);
    if (!begun.ok()) pending_.reset();
    return begun;
  }
  Napi::Value ToValue(Napi::Env env) override {
    return Task::Start(env, std::make_unique<PublishTask>(std::move(pending_), source_.Intact()));
  }

  std::unique_ptr<PendingPut> pending_;
  SourceBytes source_;
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
    return copy_ == nullptr ? PoolOutOfMemory() : Status();
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
  return MakePoolCall<bool>([member = std::move(member), key = std::move(key),
                             bytes] { return MakeRegion(*member, key, bytes); },
                            [](Napi::Env env, bool made) { return Napi::Boolean::New(env, made); });
}

}  // namespace memtiers
