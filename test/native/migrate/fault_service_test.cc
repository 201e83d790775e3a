#include "migrate/fault_service.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "migrate/stopped_moves.h"
#include "sys/probe.h"
#include "sys/userfaultfd.h"

namespace memtiers {

TEST_CASE("a watch that was replaced lifts no protection any more") {
  if (!CanMove()) return;
  // Answers late: the next watch must wait for it.
  class Slow final : public WriteWatch {
   public:
    bool OnWrite(const Userfaultfd& userfaultfd, std::byte* page) override {
      arrived = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      CHECK_FALSE(replaced);
      return userfaultfd.Unprotect(page, PageBytes()).ok();
    }
    std::atomic<bool> arrived = false;
    std::atomic<bool> replaced = false;
  };
  const Tiers tiers;
  std::byte* const chunk = tiers.AddressOf(tiers.heap->Allocate(tiers.memory, 1).value());
  FaultService& service = *FaultService::Get().value();
  auto slow = std::make_shared<Slow>();
  service.Watch(chunk, slow);
  REQUIRE(service.userfaultfd()
              .Register(chunk, kChunkBytes, {.missing = false, .write_protected = true})
              .ok());
  REQUIRE(service.userfaultfd().Protect(chunk, kChunkBytes).ok());
  std::thread writer([&] { *chunk = std::byte{1}; });
  while (!slow->arrived) std::this_thread::yield();
  service.Watch(chunk, std::make_shared<Slow>());
  slow->replaced = true;
  writer.join();
  REQUIRE(service.userfaultfd().Unregister(chunk, kChunkBytes).ok());
  service.Unwatch(chunk);
}

}  // namespace memtiers
