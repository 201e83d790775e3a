#include "base/status.h"

#include <cerrno>

namespace memtiers {

const char* CodeName(Code code) {
  switch (code) {
    case Code::kOk:
      return "OK";
    case Code::kInvalid:
      return "INVALID";
    case Code::kClosed:
      return "CLOSED";
    case Code::kFull:
      return "FULL";
    case Code::kNoPermission:
      return "NO_PERMISSION";
    case Code::kUnavailable:
      return "UNAVAILABLE";
    case Code::kBusy:
      return "BUSY";
    case Code::kMisplaced:
      return "MISPLACED";
    case Code::kIo:
      return "IO";
    case Code::kLost:
      return "LOST";
  }
  return "IO";
}

Status Status::FromErrno(int error, const char* syscall, std::string what) {
  Code code = Code::kIo;
  switch (error) {
    case ENOMEM:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      code = Code::kFull;
      break;
    case EPERM:
    case EACCES:
    case EROFS:
    case ENOSYS:
      code = Code::kNoPermission;
      break;
    case ENOENT:
    case ENODEV:
    case ENXIO:
    case ENOTDIR:
    case EOPNOTSUPP:
      code = Code::kUnavailable;
      break;
    case EAGAIN:
    case EBUSY:
    case ETXTBSY:
      code = Code::kBusy;
      break;
    case EINVAL:
      code = Code::kInvalid;
      break;
    case EHWPOISON:
      code = Code::kLost;
      break;
    default:
      break;
  }
  return FromErrno(code, error, syscall, std::move(what));
}

Status Status::FromErrno(Code code, int error, const char* syscall, std::string what) {
  Status status(code, std::move(what));
  status.errno_ = error;
  status.syscall_ = syscall;
  return status;
}

}  // namespace memtiers
