#include "bind/pool_tasks.h"

#include <functional>
#include <utility>
#include <vector>

#include "bind/pool.h"
#include "bind/pool_report.h"
#include "bind/pool_task_base.h"

namespace memtiers {
namespace {

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

std::unique_ptr<Task> MakePoolMaintain(std::shared_ptr<PoolMember> member) {
  return MakePoolCall<uint32_t>(
      [member = std::move(member)] {
        return Result<uint32_t>(member->Use([](PoolSet& set) { return set.Maintain(); }));
      },
      [](Napi::Env env, uint32_t dead) { return Napi::Number::New(env, dead); });
}

std::unique_ptr<Task> MakePoolReclaim(std::shared_ptr<PoolMember> member, uint64_t boot) {
  return MakePoolCall<uint32_t>(
      [member = std::move(member), boot] {
        return member->Use([boot](PoolSet& set) { return set.Reclaim(boot); });
      },
      [](Napi::Env env, uint32_t members) { return Napi::Number::New(env, members); });
}

std::unique_ptr<Task> MakePoolDeclareLost(std::shared_ptr<PoolMember> member, uint32_t ordinal) {
  return MakePoolCall<bool>(
      [member = std::move(member), ordinal] {
        return Done(member->Use([ordinal](PoolSet& set) { return set.DeclareLost(ordinal); }));
      },
      Nothing);
}

std::unique_ptr<Task> MakePoolCheck(std::shared_ptr<PoolMember> member) {
  return MakePoolCall<SetCheck>(
      OnAnother<SetCheck>(std::move(member), [](PoolSet& set) { return set.Check(); }),
      [](Napi::Env env, const SetCheck& check) { return ToValue(env, check); });
}

std::unique_ptr<Task> MakePoolScrub(std::shared_ptr<PoolMember> member) {
  return MakePoolCall<SetScrub>(
      OnAnother<SetScrub>(std::move(member), [](PoolSet& set) { return set.Scrub(); }),
      [](Napi::Env env, const SetScrub& scrub) { return ToValue(env, scrub); });
}

std::unique_ptr<Task> MakePoolAddDevice(std::shared_ptr<PoolMember> member, PoolDevice device,
                                        bool overwrite) {
  return MakePoolCall<bool>(OnAnother<bool>(std::move(member),
                                            [device = std::move(device), overwrite](PoolSet& set) {
                                              return Done(set.AddDevice(device, overwrite));
                                            }),
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
  return MakePoolCall<bool>(
      [devices = std::move(devices)] { return Done(PoolSet::Destroy(devices)); }, Nothing);
}

}  // namespace memtiers
