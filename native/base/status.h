// Outcome of an operation that can fail: a code, the errno and system call behind it, and what it
// was about. No exceptions leave the core, and nothing in it logs.
//
// Thread-safe as any value type. An ok Status allocates nothing.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace memtiers {

// Names reach JavaScript as ERR_TIER_<NAME> (bind/ and lib/errors.ts hold the one mapping).
enum class Code {
  kOk,
  kInvalid,       // the caller broke a documented precondition
  kClosed,        // the heap, region or chunk is gone
  kFull,          // the backend has no room: node, device, disk or budget
  kNoPermission,  // the kernel or the container's filter refused the call
  kUnavailable,   // the tier, device, node or plugin does not exist here
  kBusy,          // somebody else holds it; a later try can succeed
  kMisplaced,     // memory was obtained, but not where it was asked for
  kIo,            // a file or device failed
  kLost,          // the device lost the bytes: poison, a removed device, a truncated file
};

// The code's stable name, e.g. "FULL".
const char* CodeName(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string what) : code_(code), what_(std::move(what)) {}

  // From a failed system call: maps errno to a code. `what` names the object, e.g. "node 2, 64
  // MiB".
  static Status FromErrno(int error, const char* syscall, std::string what);

  // The same with a code of the caller's: what an errno means can depend on the call.
  static Status FromErrno(Code code, int error, const char* syscall, std::string what);

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  int error() const { return errno_; }              // 0 when no system call was behind it
  const char* syscall() const { return syscall_; }  // "" likewise; static storage
  const std::string& what() const { return what_; }

 private:
  Code code_ = Code::kOk;
  int errno_ = 0;
  const char* syscall_ = "";
  std::string what_;
};

// A value or the Status that explains its absence.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT(google-explicit-constructor)
  Result(Status status) : value_(std::move(status)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return std::holds_alternative<T>(value_); }
  // REQUIRES: ok()
  T& value() { return std::get<T>(value_); }
  const T& value() const { return std::get<T>(value_); }
  // The failure, or an ok Status.
  Status status() const { return ok() ? Status() : std::get<Status>(value_); }

 private:
  std::variant<T, Status> value_;
};

}  // namespace memtiers
