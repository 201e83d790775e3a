#include "sys/record_lock.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "sys/backing_file.h"

namespace memtiers {
namespace {

RecordLock OpenLock(int fd) {
  Result<RecordLock> lock = RecordLock::Open(fd);
  REQUIRE(lock.ok());
  return std::move(lock.value());
}

}  // namespace

TEST_CASE("a byte has one holder, and is free when that one is gone") {
  const Result<UniqueFd> file = OpenUnnamedFile("/dev/shm");
  REQUIRE(file.ok());
  RecordLock first = OpenLock(file.value().get());
  {
    RecordLock second = OpenLock(file.value().get());
    CHECK(second.TryLock(3).ok());
    CHECK(second.TryLock(3).ok());
    CHECK(first.TryLock(3).code() == Code::kBusy);
    CHECK(first.HeldByAnother(3));
    CHECK_FALSE(second.HeldByAnother(3));
    CHECK(first.TryLock(4).ok());
    second.Unlock(3);
    CHECK(first.TryLock(3).ok());
    first.Unlock(3);
    CHECK(second.TryLock(3).ok());
  }
  CHECK(first.TryLock(3).ok());
}

TEST_CASE("a process that is killed lets go of its byte, and its parent's stays with the parent") {
  const Result<UniqueFd> file = OpenUnnamedFile("/dev/shm");
  REQUIRE(file.ok());
  RecordLock own = OpenLock(file.value().get());
  REQUIRE(own.TryLock(0).ok());
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const pid_t child = fork();
  if (child == 0) {
    // What the parent has locked is not the child's, and the child cannot keep it alive.
    if (own.Ours()) _exit(1);
    Result<RecordLock> lock = RecordLock::Open(file.value().get());
    if (!lock.ok() || !lock.value().TryLock(1).ok() || lock.value().TryLock(0).ok()) _exit(2);
    (void)!write(ready[1], "x", 1);
    pause();
    _exit(3);
  }
  char byte = 0;
  REQUIRE(read(ready[0], &byte, 1) == 1);
  CHECK(own.TryLock(1).code() == Code::kBusy);
  {
    // The parent's descriptor goes while the child lives.
    const RecordLock gone = std::move(own);
  }
  RecordLock other = OpenLock(file.value().get());
  CHECK(other.TryLock(0).ok());
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  CHECK(other.TryLock(1).ok());
  close(ready[0]);
  close(ready[1]);
}

TEST_CASE("a lock file is known again by its inode and the kernel's boot") {
  const Result<UniqueFd> a = OpenUnnamedFile("/dev/shm");
  const Result<UniqueFd> b = OpenUnnamedFile("/dev/shm");
  REQUIRE(a.ok());
  REQUIRE(b.ok());
  const LockIdentity of_a = OpenLock(a.value().get()).Identity().value();
  CHECK(of_a == OpenLock(a.value().get()).Identity().value());
  CHECK_FALSE(of_a == OpenLock(b.value().get()).Identity().value());
  CHECK(of_a.boot != 0);
}

}  // namespace memtiers
