#include "track/hotness_source.h"

#include "track/damon_source.h"
#include "track/page_cache_source.h"
#include "track/pmu_source.h"
#include "track/referenced_source.h"
#include "track/write_protect_source.h"

namespace memtiers {

const char* HotnessKindName(HotnessKind kind) {
  switch (kind) {
    case HotnessKind::kDamon:
      return "damon";
    case HotnessKind::kWriteProtect:
      return "write-protect";
    case HotnessKind::kReferenced:
      return "referenced";
    case HotnessKind::kPmu:
      return "pmu";
    case HotnessKind::kPageCache:
      return "page-cache";
  }
  return "";
}

// By what a policy gains from each: reads and writes at next to no cost, exact writes, reads at a
// price, reads of the device only.
std::vector<HotnessProbe> ProbeHotnessSources() {
  return {ProbeDamon(), ProbePmu(), ProbeWriteProtect(), ProbeReferenced(), ProbePageCache()};
}

Result<std::unique_ptr<HotnessSource>> OpenHotnessSource(HotnessKind kind) {
  switch (kind) {
    case HotnessKind::kDamon:
      return OpenDamonSource();
    case HotnessKind::kWriteProtect:
      return OpenWriteProtectSource();
    case HotnessKind::kReferenced:
      return OpenReferencedSource();
    case HotnessKind::kPmu:
      return OpenPmuSource();
    case HotnessKind::kPageCache:
      return OpenPageCacheSource();
  }
  return Status(Code::kInvalid, "no such hotness source");
}

}  // namespace memtiers
