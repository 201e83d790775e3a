#include "memory/shared_run.h"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace memtiers {
namespace {

struct Shared {
  std::array<std::byte, 64> bytes{};
  std::atomic<int> unheld = 0;
  std::shared_ptr<SharedRun> run =
      SharedRun::Publish(bytes.data(), bytes.size(), [this] { ++unheld; });
};

}  // namespace

TEST_CASE("a token leads to the bytes, and each holder counts") {
  Shared shared;
  {
    const Result<RunHold> first = RunHold::Open(shared.run->token());
    const Result<RunHold> second = RunHold::Open(shared.run->token());
    REQUIRE(first.ok());
    REQUIRE(second.ok());
    CHECK(first.value().address() == shared.bytes.data());
    CHECK(second.value().bytes() == 64);
    CHECK(shared.run->holders() == 2);
  }
  CHECK(shared.run->holders() == 0);
  CHECK(shared.unheld == 0);
}

TEST_CASE("a closed run has no new holders and reports the last one that goes, once") {
  Shared shared;
  std::optional<RunHold> first(std::move(RunHold::Open(shared.run->token()).value()));
  std::optional<RunHold> second(std::move(RunHold::Open(shared.run->token()).value()));
  shared.run->Close();
  CHECK(RunHold::Open(shared.run->token()).status().code() == Code::kClosed);
  first.reset();
  CHECK(shared.unheld == 0);
  second.reset();
  CHECK(shared.unheld == 1);
}

TEST_CASE("a run that nobody keeps is gone for its token, too") {
  std::string token;
  {
    const Shared shared;
    token = shared.run->token();
  }
  CHECK(RunHold::Open(token).status().code() == Code::kClosed);
}

TEST_CASE("a token of another process is told from rubbish and from a run that is gone") {
  const Shared shared;
  const std::string token = shared.run->token();
  std::string foreign = token;
  foreign[0] = foreign[0] == '0' ? '1' : '0';
  CHECK(RunHold::Open(foreign).status().code() == Code::kUnavailable);
  CHECK(RunHold::Open(token.substr(0, token.find('-') + 1) + "999999999").status().code() ==
        Code::kClosed);
  for (const std::string& rubbish :
       {std::string(), std::string("-"), std::string("7"), token + "x", token.substr(1),
        token.substr(0, token.find('-')), token.substr(0, token.find('-') + 1),
        token + "99999999999999999999999"}) {
    CAPTURE(rubbish);
    CHECK(RunHold::Open(rubbish).status().code() == Code::kInvalid);
  }
}

TEST_CASE("whoever asks for a run that is kept alone gets it afterwards") {
  Shared shared;
  std::atomic<bool> attached = false;
  std::unique_lock<std::mutex> alone = shared.run->KeepAlone();
  REQUIRE(alone.owns_lock());
  std::thread other([&] {
    const Result<RunHold> hold = RunHold::Open(shared.run->token());
    attached = hold.ok();
    CHECK_FALSE(shared.run->KeepAlone().owns_lock());
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK_FALSE(attached);
  CHECK(shared.run->holders() == 0);
  alone.unlock();
  other.join();
  CHECK(attached);
  CHECK(shared.run->KeepAlone().owns_lock());
}

TEST_CASE("nobody touches the bytes any more once the last of many threads is reported") {
  for (int round = 0; round < 50; ++round) {
    // Not atomic: what a holder writes has to be visible to whoever learns that it has let go.
    std::vector<int> bytes(4);
    std::atomic<int> unheld = 0;
    const std::shared_ptr<SharedRun> run = SharedRun::Publish(
        reinterpret_cast<std::byte*>(bytes.data()), bytes.size() * sizeof(int), [&] { ++unheld; });
    std::atomic<int> opened = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        const Result<RunHold> hold = RunHold::Open(run->token());
        if (!hold.ok()) return;
        ++opened;
        reinterpret_cast<int*>(hold.value().address())[i] = round;
      });
    }
    run->Close();
    while (run->holders() > 0) std::this_thread::yield();
    for (int& word : bytes) word = -1;
    for (std::thread& thread : threads) thread.join();
    for (const int word : bytes) CHECK(word == -1);
    // The last one goes after the closing in some rounds and before it in others.
    CHECK(unheld <= 1);
    CHECK(opened <= 4);
  }
}

}  // namespace memtiers
