// A run as other threads know it: bytes that stay mapped while anybody holds them, found by a
// token.
//
// Thread-safe; one lock a run, taken for a few instructions. The heap that owns the run makes and
// closes its SharedRun; whoever holds the run keeps the SharedRun, never the heap. Tokens mean
// something in this process only: they begin with a number that no other process has.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/status.h"

namespace memtiers {

class RunHold;

class SharedRun {
 public:
  // Makes a run known under a new token. `unheld` is called when a closed run has lost its last
  // holder, on that holder's thread and without any lock of this class.
  static std::shared_ptr<SharedRun> Publish(std::byte* address, uint64_t bytes,
                                            std::function<void()> unheld);

  SharedRun(const SharedRun&) = delete;
  SharedRun& operator=(const SharedRun&) = delete;
  ~SharedRun() = default;

  const std::string& token() const { return token_; }
  std::byte* address() const { return address_; }
  uint64_t bytes() const { return bytes_; }
  // Takes no lock.
  uint32_t holders() const { return holders_.load(); }

  // Withdraws the token: from here on holders only become fewer. Idempotent.
  void Close();

  // A lock during which nobody can become a holder; it owns nothing when there are holders already.
  // Who asks for the run meanwhile waits.
  std::unique_lock<std::mutex> KeepAlone();

 private:
  friend class RunHold;

  SharedRun(uint64_t number, std::byte* address, uint64_t bytes, std::function<void()> unheld);

  // False: the run is closed.
  bool Attach();
  void Detach();

  const uint64_t number_;
  const std::string token_;
  std::byte* const address_;
  const uint64_t bytes_;
  const std::function<void()> unheld_;
  std::mutex mutex_;
  std::atomic<uint32_t> holders_ = 0;  // changes under the lock only
  bool closed_ = false;
};

// One holder's share in a run: its bytes are mapped as long as this lives.
class RunHold {
 public:
  // The run with this token. kClosed: its owner has given it up. kUnavailable: the token is not of
  // this process. kInvalid: it is no token.
  static Result<RunHold> Open(const std::string& token);

  RunHold(RunHold&&) noexcept = default;
  RunHold& operator=(RunHold&&) = delete;
  ~RunHold();

  std::byte* address() const { return run_->address(); }
  uint64_t bytes() const { return run_->bytes(); }

 private:
  explicit RunHold(std::shared_ptr<SharedRun> run) : run_(std::move(run)) {}

  std::shared_ptr<SharedRun> run_;
};

}  // namespace memtiers
