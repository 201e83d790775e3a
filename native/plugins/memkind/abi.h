// What the core and the memkind plugin agree on. The core never sees memkind.h, the plugin never
// sees the core; so the package loads where libmemkind is missing, and says so.
//
// C linkage, plain types. All functions are thread-safe; errors are errno values, explained by a
// text where they do not say enough.
#pragma once

#include <stddef.h>  // NOLINT(modernize-deprecated-headers): a C interface
#include <stdint.h>  // NOLINT(modernize-deprecated-headers)

#ifdef __cplusplus
extern "C" {
#endif

#define MEMTIERS_MEMKIND_ABI 1U

enum MemtiersMemkindKind {
  MEMTIERS_MEMKIND_HBW = 0,
  MEMTIERS_MEMKIND_DAX_KMEM = 1,
  MEMTIERS_MEMKIND_HIGHEST_CAPACITY = 2,
  MEMTIERS_MEMKIND_PMEM = 3,
};

struct MemtiersMemkindOpen {
  uint32_t kind;          // MemtiersMemkindKind
  const char* directory;  // only for PMEM
  uint64_t max_bytes;     // only for PMEM: size of its file
  char* reason;           // where a failure is explained; left as it is when errno says it all
  size_t reason_bytes;
};

struct MemtiersMemkindApi {
  uint32_t abi;                  // MEMTIERS_MEMKIND_ABI
  int (*library_version)(void);  // major * 1000000 + minor * 1000 + patch
  int (*open)(const struct MemtiersMemkindOpen* request, void** kind);
  int (*allocate)(void* kind, size_t alignment, size_t bytes, void** memory);
  void (*release)(void* kind, void* memory);
  void (*close)(void* kind);
};

// The plugin's one exported symbol.
typedef const struct MemtiersMemkindApi* (*MemtiersMemkindEntry)(void);
#define MEMTIERS_MEMKIND_ENTRY "memtiers_memkind_api"

#ifdef __cplusplus
}
#endif
