#include "bind/heap_state.h"

#include <utility>

namespace memtiers {

HeapState::HeapState(Napi::Env env, std::unique_ptr<Heap> heap)
    : env_(env), heap_(std::move(heap)) {
  napi_add_env_cleanup_hook(env_, CloseAtExit, this);
}

HeapState::~HeapState() {
  napi_remove_env_cleanup_hook(env_, CloseAtExit, this);
  if (keeper_ != nullptr) keeper_->TakeOver(std::move(heap_));
}

Result<std::string> HeapState::Share(uint32_t first, uint64_t bytes) {
  if (keeper_ == nullptr) {
    settle_call_.emplace(env_, [weak = weak_from_this()] {
      if (const auto state = weak.lock(); state != nullptr) state->Settle();
    });
    keeper_ = HeapKeeper::Make(settle_call_->asker());
  }
  return keeper_->Share(*heap_, first, bytes);
}

}  // namespace memtiers
