// What a pool does in the background, as tasks; pool_member.h says who may use it when.
//
// Each keeps its member until it has ended, so a pool that is closed meanwhile is left when the
// last task is done.
#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "bind/pool_config.h"
#include "bind/pool_member.h"
#include "bind/task.h"

namespace memtiers {

// A value to put; the view's bytes must stay as they are until the task is done.
struct PoolPut {
  std::string key;
  uint32_t type = 0;
  std::optional<uint64_t> expected;
};

// The version, 0: the key has another one than was expected.
std::unique_ptr<Task> MakePoolPut(std::shared_ptr<PoolMember> member, PoolPut put,
                                  const Napi::Uint8Array& source);
// { buffer, type, version, kind } of a copy, null: there is no value.
std::unique_ptr<Task> MakePoolFetch(std::shared_ptr<PoolMember> member, std::string key);
// Sees to it that a key has a region of so many bytes, zeroes where it is new; whether it is new.
std::unique_ptr<Task> MakePoolRegion(std::shared_ptr<PoolMember> member, std::string key,
                                     uint64_t bytes);
// How many members were dead.
std::unique_ptr<Task> MakePoolMaintain(std::shared_ptr<PoolMember> member);
// These two are the member's own doing, so that they work where nobody can join: when the dead of
// another host have all places, and when a device is gone.
std::unique_ptr<Task> MakePoolReclaim(std::shared_ptr<PoolMember> member, uint64_t boot);
std::unique_ptr<Task> MakePoolDeclareLost(std::shared_ptr<PoolMember> member, uint32_t ordinal);
// Theirs are members of their own.
std::unique_ptr<Task> MakePoolCheck(std::shared_ptr<PoolMember> member);
std::unique_ptr<Task> MakePoolScrub(std::shared_ptr<PoolMember> member);
std::unique_ptr<Task> MakePoolAddDevice(std::shared_ptr<PoolMember> member, PoolDevice device,
                                        bool overwrite);
// Has the member to itself all the while: `repairing` is true from now on until it has ended, and
// is the environment's thread's.
std::unique_ptr<Task> MakePoolRepair(std::shared_ptr<PoolMember> member,
                                     std::shared_ptr<bool> repairing);

// Those on pools that nobody has open.
std::unique_ptr<Task> MakePoolOpen(PoolConfig config, Napi::Reference<Napi::ArrayBuffer> scratch);
std::unique_ptr<Task> MakePoolDestroy(std::vector<PoolDevice> devices);

}  // namespace memtiers
