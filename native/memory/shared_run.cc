#include "memory/shared_run.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <map>
#include <random>
#include <string_view>
#include <system_error>

namespace memtiers {
namespace {

// 128 random bits: what another process, or another copy of this library, made is never taken for
// ours.
std::string MakeNonce() {
  std::random_device random;
  std::string nonce;
  for (int i = 0; i < 4; ++i) {
    std::array<char, 9> digits{};
    (void)std::snprintf(digits.data(), digits.size(), "%08x", static_cast<uint32_t>(random()));
    nonce += digits.data();
  }
  return nonce;
}

// The runs that have a token now, by its number.
class Directory {
 public:
  // Never destroyed: threads may still let go while the process ends.
  static Directory& Get() {
    static Directory& directory = *new Directory;
    return directory;
  }

  const std::string& nonce() const { return nonce_; }

  uint64_t NextNumber() {
    const std::lock_guard lock(mutex_);
    return ++last_number_;
  }

  void Add(uint64_t number, const std::shared_ptr<SharedRun>& run) {
    const std::lock_guard lock(mutex_);
    runs_.emplace(number, run);
  }

  void Remove(uint64_t number) {
    const std::lock_guard lock(mutex_);
    runs_.erase(number);
  }

  std::shared_ptr<SharedRun> Find(uint64_t number) const {
    const std::lock_guard lock(mutex_);
    const auto run = runs_.find(number);
    return run == runs_.end() ? nullptr : run->second.lock();
  }

 private:
  const std::string nonce_ = MakeNonce();
  mutable std::mutex mutex_;
  uint64_t last_number_ = 0;
  std::map<uint64_t, std::weak_ptr<SharedRun>> runs_;
};

}  // namespace

SharedRun::SharedRun(uint64_t number, std::byte* address, uint64_t bytes,
                     std::function<void()> unheld)
    : number_(number),
      token_(Directory::Get().nonce() + "-" + std::to_string(number)),
      address_(address),
      bytes_(bytes),
      unheld_(std::move(unheld)) {}

std::shared_ptr<SharedRun> SharedRun::Publish(std::byte* address, uint64_t bytes,
                                              std::function<void()> unheld) {
  const uint64_t number = Directory::Get().NextNumber();
  const std::shared_ptr<SharedRun> run(new SharedRun(number, address, bytes, std::move(unheld)));
  Directory::Get().Add(number, run);
  return run;
}

void SharedRun::Close() {
  Directory::Get().Remove(number_);
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

std::unique_lock<std::mutex> SharedRun::KeepAlone() {
  std::unique_lock lock(mutex_);
  if (holders_ > 0) lock.unlock();
  return lock;
}

bool SharedRun::Attach() {
  const std::lock_guard lock(mutex_);
  if (!closed_) ++holders_;
  return !closed_;
}

void SharedRun::Detach() {
  {
    const std::lock_guard lock(mutex_);
    if (--holders_ > 0 || !closed_) return;
  }
  unheld_();
}

RunHold::~RunHold() {
  if (run_ != nullptr) run_->Detach();
}

Result<RunHold> RunHold::Open(const std::string& token) {
  const std::string& nonce = Directory::Get().nonce();
  const size_t dash = token.find('-');
  const std::string_view digits =
      dash == std::string::npos ? "" : std::string_view(token).substr(dash + 1);
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() ||
      dash != nonce.size()) {
    return Status(Code::kInvalid, "no token of a shared run");
  }
  if (token.compare(0, dash, nonce) != 0) {
    return Status(Code::kUnavailable, "the token is of another process");
  }
  std::shared_ptr<SharedRun> run = Directory::Get().Find(number);
  if (run == nullptr || !run->Attach()) {
    return Status(Code::kClosed, "the shared run was given up by its owner");
  }
  return RunHold(std::move(run));
}

}  // namespace memtiers
