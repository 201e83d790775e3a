#include "base/status.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <memory>

namespace memtiers {

TEST_CASE("a status from a system call keeps errno, call and object") {
  const Status status = Status::FromErrno(ENOSPC, "fallocate", "a file");
  CHECK_FALSE(status.ok());
  CHECK(status.code() == Code::kFull);
  CHECK(status.error() == ENOSPC);
  CHECK(std::string(status.syscall()) == "fallocate");
  CHECK(status.what() == "a file");
}

TEST_CASE("errnos map to the code that tells the caller what to do") {
  CHECK(Status::FromErrno(ENOMEM, "", "").code() == Code::kFull);
  CHECK(Status::FromErrno(EPERM, "", "").code() == Code::kNoPermission);
  CHECK(Status::FromErrno(ENOSYS, "", "").code() == Code::kNoPermission);
  CHECK(Status::FromErrno(ENODEV, "", "").code() == Code::kUnavailable);
  CHECK(Status::FromErrno(EBUSY, "", "").code() == Code::kBusy);
  CHECK(Status::FromErrno(EINVAL, "", "").code() == Code::kInvalid);
  CHECK(Status::FromErrno(EIO, "", "").code() == Code::kIo);
  CHECK(Status::FromErrno(EHWPOISON, "", "").code() == Code::kLost);
}

TEST_CASE("a caller that knows better names the code") {
  const Status status = Status::FromErrno(Code::kLost, EFAULT, "madvise", "a page");
  CHECK(status.code() == Code::kLost);
  CHECK(status.error() == EFAULT);
  CHECK(CodeName(status.code()) == std::string("LOST"));
}

TEST_CASE("a result is a value or the status that explains its absence") {
  Result<std::unique_ptr<int>> value(std::make_unique<int>(7));
  REQUIRE(value.ok());
  CHECK(value.status().ok());
  CHECK(*value.value() == 7);
  const Result<std::unique_ptr<int>> failure(Status(Code::kBusy, "the lock"));
  CHECK_FALSE(failure.ok());
  CHECK(failure.status().code() == Code::kBusy);
}

}  // namespace memtiers
