// The memkind plugin: the only file that includes memkind.h, built into its own shared object.

#include <memkind.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "plugins/memkind/abi.h"

namespace {

struct OpenKind {
  memkind_t kind;
  bool created;  // ours to destroy
};

// Preferring variants: the strict ones bind, and a full node then is an OOM kill instead of an
// error.
memkind_t PreferredKind(uint32_t kind) {
  switch (kind) {
    case MEMTIERS_MEMKIND_HBW:
      return MEMKIND_HBW_PREFERRED;
    case MEMTIERS_MEMKIND_DAX_KMEM:
      return MEMKIND_DAX_KMEM_PREFERRED;
    case MEMTIERS_MEMKIND_HIGHEST_CAPACITY:
      return MEMKIND_HIGHEST_CAPACITY_PREFERRED;
    default:
      return nullptr;
  }
}

// A preferring kind is available even where no such memory is; the strict one tells.
memkind_t StrictKind(uint32_t kind) {
  switch (kind) {
    case MEMTIERS_MEMKIND_HBW:
      return MEMKIND_HBW;
    case MEMTIERS_MEMKIND_DAX_KMEM:
      return MEMKIND_DAX_KMEM;
    case MEMTIERS_MEMKIND_HIGHEST_CAPACITY:
      return MEMKIND_HIGHEST_CAPACITY;
    default:
      return nullptr;
  }
}

int ToErrno(int error) {
  switch (error) {
    case MEMKIND_SUCCESS:
      return 0;
    case MEMKIND_ERROR_UNAVAILABLE:
    case MEMKIND_ERROR_OPERATION_FAILED:
      return ENODEV;
    case MEMKIND_ERROR_MALLOC:
    case MEMKIND_ERROR_MMAP:
      return ENOMEM;
    case MEMKIND_ERROR_INVALID:
      return EINVAL;
    default:
      return EIO;
  }
}

int Explain(const MemtiersMemkindOpen& request, int error) {
  char text[MEMKIND_ERROR_MESSAGE_SIZE] = {};
  memkind_error_message(error, text, sizeof text);
  if (request.reason_bytes > 0) {
    const size_t length = std::min(std::strlen(text), request.reason_bytes - 1);
    std::memcpy(request.reason, text, length);
    request.reason[length] = '\0';
  }
  return ToErrno(error);
}

int Open(const MemtiersMemkindOpen* request, void** kind) {
  if (request->kind == MEMTIERS_MEMKIND_PMEM) {
    memkind_t created = nullptr;
    errno = 0;
    const int error = memkind_create_pmem(request->directory, request->max_bytes, &created);
    // memkind calls a file that it could not make an invalid argument; errno still says why.
    if (error != MEMKIND_SUCCESS && errno != 0) return errno;
    if (error != MEMKIND_SUCCESS) return Explain(*request, error);
    *kind = new OpenKind{created, true};
    return 0;
  }
  const memkind_t strict = StrictKind(request->kind);
  if (strict == nullptr) return Explain(*request, MEMKIND_ERROR_INVALID);
  memkind_t preferred = PreferredKind(request->kind);
  int error = memkind_check_available(strict);
  // The preferring kind is missing alone where two such nodes are equally near to a CPU.
  if (error == MEMKIND_SUCCESS) error = memkind_check_available(preferred);
  if (error != MEMKIND_SUCCESS) return Explain(*request, error);
  *kind = new OpenKind{preferred, false};
  return 0;
}

int Allocate(void* kind, size_t alignment, size_t bytes, void** memory) {
  // As posix_memalign(3): the error is returned, errno is left alone.
  return ToErrno(
      memkind_posix_memalign(static_cast<OpenKind*>(kind)->kind, memory, alignment, bytes) == 0
          ? MEMKIND_SUCCESS
          : MEMKIND_ERROR_MALLOC);
}

void Release(void* kind, void* memory) { memkind_free(static_cast<OpenKind*>(kind)->kind, memory); }

void Close(void* kind) {
  auto* open = static_cast<OpenKind*>(kind);
  if (open->created) memkind_destroy_kind(open->kind);
  delete open;
}

constexpr MemtiersMemkindApi kApi = {
    .abi = MEMTIERS_MEMKIND_ABI,
    .library_version = memkind_get_version,
    .open = Open,
    .allocate = Allocate,
    .release = Release,
    .close = Close,
};

}  // namespace

extern "C" __attribute__((visibility("default"))) const MemtiersMemkindApi* memtiers_memkind_api() {
  return &kApi;
}
