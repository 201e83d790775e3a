#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "crash_states.h"
#include "crash_values.h"

namespace memtiers {
namespace {

using File = std::shared_ptr<const PoolFile>;
using Values = std::map<std::string, std::vector<uint64_t>>;

constexpr size_t kWritten = 32;

std::array<std::byte, kWritten> Beginning(uint64_t value) {
  std::array<std::byte, kWritten> bytes{};
  for (size_t i = 0; i < kWritten; ++i) bytes[i] = static_cast<std::byte>(value * 7 + i * 13 + 1);
  return bytes;
}

size_t BytesOf(uint64_t value) { return value >= kLargeValue ? 20000 : 300 + value; }

void Hold(Pool& pool, const std::string& key, std::vector<Held>& held) {
  held.push_back(pool.Get(key).value().value());
}

}  // namespace

void PutCrashValue(Pool& pool, const std::string& key, uint64_t value) {
  const Result<Draft> draft = pool.Begin(BytesOf(value));
  if (!draft.ok()) _exit(3);
  const auto beginning = Beginning(value);
  std::memcpy(draft.value().payload.data(), beginning.data(), beginning.size());
  const ObjectKind kind = value >= kLargeValue ? ObjectKind::kRegion : ObjectKind::kValue;
  const Result<Changed> changed = pool.Publish(draft.value(), key, kind);
  if (!changed.ok() || !changed.value().done) _exit(4);
}

bool IsCrashValue(std::span<const std::byte> payload, uint64_t value) {
  return payload.size() == BytesOf(value) &&
         std::ranges::equal(payload.first(kWritten), Beginning(value));
}

void AsMemberWhoDies(const File& file, void (*act)(Pool& pool)) {
  const pid_t child = fork();
  if (child == 0) {
    const Result<std::unique_ptr<Pool>> pool = Pool::Join(file, {.verify = PoolVerify::kNever});
    if (!pool.ok()) _exit(1);
    act(*pool.value());
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) _exit(5);
}

std::vector<CrashScenario> AllCrashScenarios() {
  using Own = std::unique_ptr<Pool>;
  std::vector<CrashScenario> all;
  const Values around{{"a", {1}}, {"b", {2}}};
  const auto put_around = [](const File& /*file*/, Pool& own) {
    PutCrashValue(own, "a", 1);
    PutCrashValue(own, "b", 2);
  };
  const auto with = [&](std::string key, std::vector<uint64_t> values) {
    Values allowed = around;
    allowed[key] = std::move(values);
    return allowed;
  };

  all.push_back({.name = "put",
                 .prepare = put_around,
                 .meanwhile = {},
                 .operation = [](Own& own) { PutCrashValue(*own, "new", 3); },
                 .allowed = with("new", {kNoValue, 3})});
  all.push_back({.name = "put into an extent of its own",
                 .prepare = {},
                 .meanwhile = {},
                 .operation = [](Own& own) { PutCrashValue(*own, "new", 3); },
                 .allowed = {{"new", {kNoValue, 3}}}});
  all.push_back({.name = "put into a run of extents",
                 .prepare = put_around,
                 .meanwhile = {},
                 .operation = [](Own& own) { PutCrashValue(*own, "new", kLargeValue); },
                 .allowed = with("new", {kNoValue, kLargeValue})});
  all.push_back({.name = "replace",
                 .prepare = put_around,
                 .meanwhile = [](Pool& other, std::vector<Held>& held) { Hold(other, "a", held); },
                 .operation = [](Own& own) { PutCrashValue(*own, "a", 5); },
                 .allowed = with("a", {1, 5})});
  all.push_back(
      {.name = "replace another's",
       .prepare = [](const File& /*file*/, Pool& own) { PutCrashValue(own, "b", 2); },
       .meanwhile = [](Pool& other, std::vector<Held>& /*held*/) { PutCrashValue(other, "a", 1); },
       .operation = [](Own& own) { PutCrashValue(*own, "a", 5); },
       .allowed = with("a", {1, 5})});
  all.push_back({.name = "delete",
                 .prepare = put_around,
                 .meanwhile = [](Pool& other, std::vector<Held>& held) { Hold(other, "a", held); },
                 .operation = [](Own& own) { (void)own->Delete("a"); },
                 .allowed = with("a", {1, kNoValue})});
  all.push_back(
      {.name = "delete another's run",
       .prepare = put_around,
       .meanwhile = [](Pool& other,
                       std::vector<Held>& /*held*/) { PutCrashValue(other, "large", kLargeValue); },
       .operation = [](Own& own) { (void)own->Delete("large"); },
       .allowed = with("large", {kLargeValue, kNoValue})});
  all.push_back({.name = "delete, and free what nobody holds",
                 .prepare =
                     [](const File& /*file*/, Pool& own) {
                       PutCrashValue(own, "a", 1);
                       PutCrashValue(own, "b", 2);
                       PutCrashValue(own, "large", kLargeValue);
                     },
                 .meanwhile = {},
                 .operation =
                     [](Own& own) {
                       (void)own->Delete("large");
                       own->Maintain();
                     },
                 .allowed = with("large", {kLargeValue, kNoValue})});
  all.push_back({.name = "sweep what another has deleted and holds",
                 .prepare =
                     [](const File& /*file*/, Pool& own) {
                       PutCrashValue(own, "a", 1);
                       PutCrashValue(own, "b", 2);
                       PutCrashValue(own, "gone", 3);
                       PutCrashValue(own, "held", 4);
                       PutCrashValue(own, "run", kLargeValue);
                     },
                 .meanwhile =
                     [](Pool& other, std::vector<Held>& held) {
                       Hold(other, "held", held);
                       for (const char* key : {"gone", "held", "run"}) (void)other.Delete(key);
                     },
                 .operation =
                     [](Own& own) {
                       own->Maintain();
                       PutCrashValue(*own, "a", 5);
                     },
                 .allowed = with("a", {1, 5})});
  all.push_back({.name = "recover and adopt from a dead member",
                 .prepare =
                     [](const File& file, Pool& own) {
                       PutCrashValue(own, "a", 1);
                       AsMemberWhoDies(file, [](Pool& pool) {
                         PutCrashValue(pool, "b", 2);
                         PutCrashValue(pool, "held", 3);
                         PutCrashValue(pool, "run", kLargeValue);
                         PutCrashValue(pool, "gone", kLargeValue + 1);
                         (void)pool.Get("b");
                       });
                     },
                 .meanwhile =
                     [](Pool& other, std::vector<Held>& held) {
                       Hold(other, "held", held);
                       Hold(other, "run", held);
                       for (const char* key : {"held", "run", "gone"}) (void)other.Delete(key);
                     },
                 .operation =
                     [](Own& own) {
                       own->Maintain();
                       const Result<Draft> all_room =
                           own->Begin(own->memory().layout().MaxPayloadBytes());
                       if (all_room.ok()) _exit(6);
                       PutCrashValue(*own, "a", 5);
                     },
                 .allowed = with("a", {1, 5})});
  all.push_back({.name = "take a lock from a dead member",
                 .prepare =
                     [](const File& file, Pool& own) {
                       PutCrashValue(own, "a", 1);
                       PutCrashValue(own, "b", 2);
                       AsMemberWhoDies(file, [](Pool& pool) {
                         Shards shards(pool.membership(), std::chrono::seconds(1));
                         if (!shards.Lock(0).ok() || !shards.Lock(1).ok()) _exit(7);
                         // Dies between the hint and the commit.
                         for (uint32_t at = 0; at < pool.memory().layout().directory_words();
                              ++at) {
                           const uint64_t word = pool.memory().Directory(at).load();
                           if (!ObjectWord::IsObject(word)) continue;
                           pool.memory().ClearLive(*pool.memory().Find(ObjectWord::Unpack(word)));
                         }
                       });
                     },
                 .meanwhile = {},
                 .operation =
                     [](Own& own) {
                       PutCrashValue(*own, "a", 5);
                       own->Maintain();
                     },
                 .allowed = with("a", {1, 5})});
  all.push_back({.name = "get, count and release",
                 .prepare =
                     [](const File& /*file*/, Pool& own) {
                       PutCrashValue(own, "a", 1);
                       PutCrashValue(own, "b", 2);
                       (void)own.Add("count", 1);
                     },
                 .meanwhile = {},
                 .operation =
                     [](Own& own) {
                       const Held held = own->Get("a").value().value();
                       (void)own->Add("count", 1);
                       own->Release(held);
                     },
                 .allowed = around});
  all.push_back({.name = "take extents for a tier, and give one back",
                 .prepare = put_around,
                 .meanwhile = {},
                 .operation =
                     [](Own& own) {
                       Extents extents(own->memory(), own->membership().index(), 3);
                       uint64_t count = 3;
                       const std::optional<uint64_t> first = extents.ClaimPrivate(count);
                       if (!first.has_value() || count != 3) _exit(8);
                       // Rubbish where an object's extent would have its bits.
                       std::memset(own->memory().base() + own->memory().ExtentOffset(*first), 0xff,
                                   kWritten);
                       extents.Release(*first + 1, 1);
                       PutCrashValue(*own, "a", 5);
                     },
                 .allowed = with("a", {1, 5})});
  all.push_back({.name = "recover a dead member's tier",
                 .prepare =
                     [](const File& file, Pool& own) {
                       PutCrashValue(own, "a", 1);
                       PutCrashValue(own, "b", 2);
                       AsMemberWhoDies(file, [](Pool& pool) {
                         Extents extents(pool.memory(), pool.membership().index(), 2);
                         uint64_t count = 2;
                         if (!extents.ClaimPrivate(count).has_value()) _exit(9);
                       });
                     },
                 .meanwhile = {},
                 .operation = [](Own& own) { own->Maintain(); },
                 .allowed = around});
  all.push_back({.name = "leave",
                 .prepare = put_around,
                 .meanwhile = [](Pool& other, std::vector<Held>& held) { Hold(other, "a", held); },
                 .operation = [](Own& own) { own.reset(); },
                 .allowed = around});
  return all;
}

}  // namespace memtiers
