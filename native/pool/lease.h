// How members of other hosts are told to be alive, whose locks nobody here can see: each counts up
// in his entry, and whoever watches him looks at his own clock only.
//
// A member whose counter stood still over his lease, between two looks of one's own, is suspect.
// That is no proof of death: his host may be stopped. So what he has is left to him until the
// operator says that the host is gone, or (PoolTakeover::kLease) until some more time has passed:
// members that are opened so promise to fence themselves, which is to change nothing any more once
// they have not counted for as long as their lease. The promise is looked at before each change, so
// a host that is stopped between the look and the store, for longer than lease and grace together,
// breaks it: who cannot exclude that has stopped hosts cut off from the device.
//
// No wall clock anywhere. Thread-safe but for construction.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "pool/pool_file.h"

namespace memtiers {

enum class PoolTakeover {
  kManual,  // only what is proved dead, or declared so, is recovered
  kLease,   // silent members that fence themselves are, too
};

struct LeaseTerms {
  std::chrono::milliseconds length{10'000};
  PoolTakeover takeover = PoolTakeover::kManual;
};

// Between a member's fencing himself and somebody's taking over from him.
std::chrono::milliseconds LeaseGrace(std::chrono::milliseconds length);

// What a member says of his lease in his entry.
struct LeasePromise {
  std::chrono::milliseconds length{0};
  bool fences_itself = false;

  uint64_t Pack() const {
    return static_cast<uint64_t>(length.count()) << 1 | static_cast<uint64_t>(fences_itself);
  }
  // What cannot be is taken for the longest there is.
  static LeasePromise Unpack(uint64_t word);
};

// A member's own lease. The heartbeat thread renews it (heartbeat.h).
class Lease {
 public:
  // REQUIRES: the caller is that member, in that generation.
  Lease(std::shared_ptr<const PoolFile> file, uint32_t member, const LeaseTerms& terms);

  std::chrono::milliseconds length() const { return length_; }
  // Whether he may change anything: always, without kLease. A look at the clock.
  bool Holds() const;
  // Counts, unless it is too late already. False: never again, somebody else may have his place.
  bool Renew();

 private:
  bool InTime(std::chrono::nanoseconds now) const;

  std::shared_ptr<const PoolFile> file_;
  uint32_t member_;
  uint64_t word_;
  std::chrono::milliseconds length_;
  bool fences_itself_;
  std::atomic<int64_t> renewed_ns_;
};

// What one sees of the others' leases.
class LeaseWatch {
 public:
  explicit LeaseWatch(std::shared_ptr<const PoolFile> file);

  // To be called a few times a lease. Some 10 ns a member.
  void Look();
  // Whether the counter of a member stood still over his lease, and when `grace` over that too.
  // False until he was looked at that long.
  bool Silent(uint32_t member, bool grace) const;

 private:
  struct Seen {
    uint64_t word = 0;
    uint64_t counter = 0;
    std::chrono::nanoseconds since{0};
    std::chrono::nanoseconds looked{0};
  };

  std::shared_ptr<const PoolFile> file_;
  mutable std::mutex mutex_;
  std::vector<Seen> seen_;
};

}  // namespace memtiers
