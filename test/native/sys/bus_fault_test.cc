#include "sys/bus_fault.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <csignal>
#include <cstring>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "child_process.h"
#include "lossy_file.h"
#include "sys/mapping.h"
#include "sys/probe.h"

namespace memtiers {
namespace {

constexpr std::byte kOnes{0xff};

// A guarded range with a file mapped in it.
class Range {
 public:
  explicit Range(size_t chunks)
      : bytes_(chunks * kChunkBytes),
        file_(bytes_),
        base_(ReserveAddressSpace(bytes_, kChunkBytes).value()),
        guard_(std::move(BusFaultGuard::Guard(base_, bytes_, counter_).value())) {
    REQUIRE(MapFile(base_, bytes_, {.fd = file_.fd()}).ok());
  }
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;
  ~Range() {
    guard_.reset();
    ReleaseAddressSpace(base_, bytes_);
  }

  std::byte* at(size_t offset) const { return base_ + offset; }
  const LossyFile& file() const { return file_; }
  uint32_t count() const { return counter_->load(); }
  std::vector<DamagedBytes> damage() const { return guard_->record().Ranges(0, bytes_); }
  void StopGuarding() { guard_.reset(); }

 private:
  size_t bytes_;
  LossyFile file_;
  std::byte* base_;
  std::shared_ptr<DamageCounter> counter_ = std::make_shared<DamageCounter>(0);
  std::unique_ptr<BusFaultGuard> guard_;
};

std::byte Read(const std::byte* address) {
  return *static_cast<const volatile std::byte*>(address);
}

bool DiedOfBusError(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS; }

bool ExitedWith(int status, int code) { return WIFEXITED(status) && WEXITSTATUS(status) == code; }

// Touches memory that is gone and that nobody guards.
void TouchUnguarded() {
  const Range range(1);
  const LossyFile file(kChunkBytes);
  std::byte* const other = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
  REQUIRE(MapFile(other, kChunkBytes, {.fd = file.fd()}).ok());
  file.CutTo(0);
  (void)Read(other);
}

}  // namespace

TEST_CASE("a page that is gone reads as zeroes and is recorded; the others keep their bytes") {
  const Range range(2);
  const size_t page = PageBytes();
  range.file().CutTo(kChunkBytes + page);
  CHECK(Read(range.at(kChunkBytes + 3 * page + 5)) == std::byte{0});
  CHECK(Read(range.at(kChunkBytes + page - 1)) == kOnes);
  CHECK(Read(range.at(0)) == kOnes);
  CHECK(range.count() == 1);
  const std::vector<DamagedBytes> damage = range.damage();
  REQUIRE(damage.size() == 1);
  CHECK(damage[0].offset == kChunkBytes + 3 * page);
  CHECK(damage[0].bytes == page);
  CHECK(damage[0].cause == DamageCause::kLost);
}

TEST_CASE("a replaced page is memory: it keeps what is written, and costs one fault") {
  const Range range(1);
  range.file().CutTo(0);
  std::memset(range.at(0), 0x11, 8);
  CHECK(Read(range.at(7)) == std::byte{0x11});
  CHECK(Read(range.at(8)) == std::byte{0});
  CHECK(range.count() == 1);
}

TEST_CASE("a chunk lost page by page goes to its end after a while, and not beyond it") {
  const Range range(2);
  range.file().CutTo(PageBytes());
  for (size_t offset = PageBytes(); offset < kChunkBytes; offset += PageBytes()) {
    REQUIRE(Read(range.at(offset)) == std::byte{0});
  }
  CHECK(Read(range.at(0)) == kOnes);
  CHECK(range.count() <= 65);
  const std::vector<DamagedBytes> damage = range.damage();
  REQUIRE(damage.size() == 1);
  CHECK(damage[0].offset == PageBytes());
  CHECK(damage[0].bytes == kChunkBytes - PageBytes());
}

TEST_CASE("threads that fault together lose nothing they write to the pages they get") {
  constexpr int kThreads = 8;
  constexpr size_t kChunks = 4;
  for (int round = 0; round < 10; ++round) {
    const Range range(kChunks);
    range.file().CutTo(0);
    std::barrier start(kThreads);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        start.arrive_and_wait();
        const bool backwards = thread % 2 != 0;
        const size_t pages = kChunks * kChunkBytes / PageBytes();
        for (size_t i = 0; i < pages; ++i) {
          std::byte* const page = range.at((backwards ? pages - 1 - i : i) * PageBytes());
          std::atomic_ref<uint32_t>(*reinterpret_cast<uint32_t*>(page)).fetch_add(1);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    size_t exact = 0;
    for (size_t offset = 0; offset < kChunks * kChunkBytes; offset += PageBytes()) {
      exact += *reinterpret_cast<uint32_t*>(range.at(offset)) == kThreads ? 1 : 0;
    }
    CHECK(exact == kChunks * kChunkBytes / PageBytes());
    CHECK(range.damage().size() == kChunks);
  }
}

TEST_CASE("a poisoned page is replaced alone") {
  const Range range(1);
  const size_t at = 5 * PageBytes();
  ReportMemoryError(range.at(at + 64), BUS_MCEERR_AR, 12);
  CHECK(Read(range.at(at)) == std::byte{0});
  CHECK(Read(range.at(at - 1)) == kOnes);
  CHECK(Read(range.at(at + PageBytes())) == kOnes);
  REQUIRE(range.damage().size() == 1);
  CHECK(range.damage()[0].offset == at);
  CHECK(range.damage()[0].bytes == PageBytes());
  CHECK(range.damage()[0].cause == DamageCause::kPoison);
}

TEST_CASE("an error of 2 MiB or more takes the chunk and leaves its neighbours to their own") {
  for (const int shift : {21, 30}) {
    CAPTURE(shift);
    const Range range(3);
    ReportMemoryError(range.at(kChunkBytes + 7777), BUS_MCEERR_AR, shift);
    CHECK(Read(range.at(kChunkBytes)) == std::byte{0});
    CHECK(Read(range.at(2 * kChunkBytes - 1)) == std::byte{0});
    CHECK(Read(range.at(kChunkBytes - 1)) == kOnes);
    CHECK(Read(range.at(2 * kChunkBytes)) == kOnes);
    REQUIRE(range.damage().size() == 1);
    CHECK(range.damage()[0].offset == kChunkBytes);
    CHECK(range.damage()[0].bytes == kChunkBytes);
  }
}

TEST_CASE("an error in memory nobody is touching is recorded and left to the kernel") {
  const Range range(1);
  ReportMemoryError(range.at(0), BUS_MCEERR_AO, 12);
  CHECK(range.count() == 1);
  CHECK(range.damage().size() == 1);
  CHECK(Read(range.at(0)) == kOnes);
}

TEST_CASE("a page that is recorded and bad again is replaced again") {
  const Range range(1);
  ReportMemoryError(range.at(0), BUS_MCEERR_AO, 12);
  range.file().CutTo(0);
  CHECK(Read(range.at(0)) == std::byte{0});
  CHECK(range.count() == 2);
}

TEST_CASE("a handler leaves errno as it was") {
  const Range range(1);
  range.file().CutTo(0);
  // Not readable again after the report, so a system call of the handler fails.
  ReportMemoryError(range.at(0), BUS_MCEERR_AO, 12);
  errno = 4711;
  (void)Read(range.at(0));
  CHECK(errno == 4711);
}

// The rest of this file is about what happens once in a process or ends it.

TEST_CASE("child: unguarded without a previous handler" * doctest::skip()) { TouchUnguarded(); }

TEST_CASE("child: no longer guarded" * doctest::skip()) {
  Range range(1);
  range.file().CutTo(0);
  (void)Read(range.at(0));
  range.StopGuarding();
  (void)Read(range.at(PageBytes()));
}

TEST_CASE("without a previous handler the process dies of the signal") {
  CHECK(DiedOfBusError(RunTestCaseInChild("child: unguarded without a previous handler")));
  CHECK(DiedOfBusError(RunTestCaseInChild("child: no longer guarded")));
}

TEST_CASE("child: a previous handler with details" * doctest::skip()) {
  struct sigaction action{};
  action.sa_flags = SA_SIGINFO;
  action.sa_sigaction = [](int signal, siginfo_t* info, void* context) {
    const bool whole = signal == SIGBUS && info->si_code == BUS_ADRERR &&
                       info->si_addr != nullptr && context != nullptr;
    _exit(whole ? 42 : 1);
  };
  sigaction(SIGBUS, &action, nullptr);
  TouchUnguarded();
}

TEST_CASE("child: a plain previous handler" * doctest::skip()) {
  (void)signal(SIGBUS, [](int signal) { _exit(signal == SIGBUS ? 43 : 1); });
  TouchUnguarded();
}

TEST_CASE("a previous handler gets what is not ours") {
  CHECK(ExitedWith(RunTestCaseInChild("child: a previous handler with details"), 42));
  CHECK(ExitedWith(RunTestCaseInChild("child: a plain previous handler"), 43));
}

TEST_CASE("child: ignoring signals that are sent" * doctest::skip()) {
  (void)signal(SIGBUS, SIG_IGN);
  const Range range(1);
  if (raise(SIGBUS) != 0) _exit(1);
  _exit(44);
}

TEST_CASE("child: ignoring faults" * doctest::skip()) {
  (void)signal(SIGBUS, SIG_IGN);
  TouchUnguarded();
}

TEST_CASE("child: sent without a previous handler" * doctest::skip()) {
  const Range range(1);
  (void)raise(SIGBUS);
}

TEST_CASE("a signal that was sent is ignored where it was before; a fault cannot be") {
  CHECK(ExitedWith(RunTestCaseInChild("child: ignoring signals that are sent"), 44));
  CHECK(DiedOfBusError(RunTestCaseInChild("child: ignoring faults")));
  CHECK(DiedOfBusError(RunTestCaseInChild("child: sent without a previous handler")));
}

TEST_CASE("child: guards that come and go" * doctest::skip()) {
  // Takes the reports for ranges that are not guarded at the moment.
  (void)signal(SIGBUS, [](int) {});
  std::byte* const base = ReserveAddressSpace(kChunkBytes, kChunkBytes).value();
  const auto counter = std::make_shared<DamageCounter>(0);
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  // More threads than processors, on different pages: some wait for their turn in the handler.
  for (size_t thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&, thread] {
      for (size_t i = thread; !stop; ++i) {
        ReportMemoryError(base + i * PageBytes() % kChunkBytes, BUS_MCEERR_AR, 12);
      }
    });
  }
  const Range other(1);
  other.file().CutTo(0);
  for (int round = 0; round < 80; ++round) {
    const auto guard = std::move(BusFaultGuard::Guard(base, kChunkBytes, counter).value());
    const uint32_t before = counter->load();
    while (counter->load() == before) std::this_thread::yield();
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  _exit(Read(other.at(0)) == std::byte{0} ? 45 : 1);
}

TEST_CASE("guards come and go while handlers look at them") {
  CHECK(ExitedWith(RunTestCaseInChild("child: guards that come and go"), 45));
}

}  // namespace memtiers
