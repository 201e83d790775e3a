#include "memory/backend.h"

namespace memtiers {

const char* BackendKindName(BackendKind kind) {
  switch (kind) {
    case BackendKind::kNuma:
      return "numa";
    case BackendKind::kFile:
      return "file";
    case BackendKind::kDax:
      return "dax";
    case BackendKind::kMemkind:
      return "memkind";
    case BackendKind::kSimulated:
      return "simulated";
    case BackendKind::kPersistent:
      return "persistent";
    case BackendKind::kPool:
      return "pool";
  }
  return "simulated";
}

}  // namespace memtiers
