#include "flip_fuzz.h"

#include <unistd.h>

#include <cstdlib>
#include <random>
#include <vector>

#include "crash_values.h"
#include "pool/check.h"
#include "pool/repair.h"
#include "pool_place.h"

namespace memtiers {
namespace {

constexpr uint64_t kObjects = 24;

std::string KeyOf(uint64_t object) { return "object " + std::to_string(object); }
uint64_t BytesOf(uint64_t object) { return object % 8 == 7 ? 20000 : 40 + object * 30; }

class Fuzz {
 public:
  explicit Fuzz(uint64_t seed) : random_(seed) {
    PoolFormat format = SmallPool();
    format.sizes.capacity_bytes = 288 * kKiB;
    format.sizes.holds = 8;
    format.sizes.shard_slots = 32;
    const auto file = MakePool(place_, format);
    {
      const auto pool = JoinPool(file);
      for (uint64_t i = 0; i < kObjects; ++i) {
        if (!pool->Put(KeyOf(i), PatternFor(i, BytesOf(i))).ok()) std::abort();
      }
      (void)pool->Delete(KeyOf(0));
    }
    // And one who has died, holding something.
    AsMemberWhoDies(file, [](Pool& pool) {
      (void)pool.Put(KeyOf(0), PatternFor(0, BytesOf(0)));
      (void)pool.Get(KeyOf(3));
    });
    data_ = file->layout().data_offset();
    const std::byte* const base = file->memory().base();
    image_.assign(base, base + format.sizes.capacity_bytes);
  }

  FlipReport Run(uint64_t images) {
    for (uint64_t i = 0; i < images && report_.misreads + report_.unrepaired == 0; ++i) {
      ++report_.images;
      One();
    }
    return report_;
  }

 private:
  void Damage(std::vector<std::byte>& image) {
    for (uint64_t n = 1 + random_() % 4; n > 0; --n) {
      // Mostly where the words are.
      const uint64_t limit = random_() % 4 != 0 ? data_ : image.size();
      const uint64_t at = random_() % limit;
      switch (random_() % 4) {
        case 0:
        case 1:
          image[at] ^= static_cast<std::byte>(1U << random_() % 8);
          break;
        case 2:
          image[at] = static_cast<std::byte>(random_());
          break;
        default:
          for (uint64_t k = at; k < std::min<uint64_t>(image.size(), at + 64); ++k) {
            image[k] = static_cast<std::byte>(random_());
          }
      }
    }
  }

  void Problem(uint64_t& counter, const std::string& what) {
    if (++counter == 1)
      report_.first_problem = "image " + std::to_string(report_.images) + ": " + what;
  }

  // Whether each value is as it was, or known not to be.
  void Read(Pool& pool, bool damage_is_known, const char* when) {
    for (uint64_t i = 0; i < kObjects; ++i) {
      const Result<std::optional<Held>> held = pool.Get(KeyOf(i));
      if (!held.ok()) continue;
      if (!held.value().has_value()) {
        if (!damage_is_known) Problem(report_.misreads, KeyOf(i) + " is gone " + when);
        continue;
      }
      if (!std::ranges::equal(held.value()->payload, PatternFor(i, BytesOf(i)))) {
        Problem(report_.misreads, KeyOf(i) + " is wrong " + when);
      }
      pool.Release(*held.value());
    }
  }

  void Use(Pool& pool) {
    for (uint64_t i = 0; i < 12; ++i) {
      (void)pool.Put("new " + std::to_string(i), PatternFor(i, 500 * i));
      (void)pool.Delete("new " + std::to_string(random_() % 12));
      (void)pool.Add("count", 1);
    }
    pool.Maintain();
    (void)pool.Put("large", PatternFor(1, 60000));
  }

  void One() {
    std::vector<std::byte> image = image_;
    Damage(image);
    Write(image);
    Result<std::shared_ptr<const PoolFile>> file = PoolFile::Open(place_.place());
    if (!file.ok()) {
      ++report_.refused;
      return;
    }
    const bool found = !CheckPool(*file.value(), nullptr).clean();
    report_.found += found ? 1 : 0;
    {
      const Result<std::unique_ptr<Pool>> pool = Pool::Join(
          file.value(), {.verify = PoolVerify::kAlways, .patience = std::chrono::milliseconds(2)});
      if (pool.ok()) {
        Read(*pool.value(), found, "before");
        if (report_.images % 2 == 0) Use(*pool.value());
        Read(*pool.value(), true, "after use");
        (void)CheckPool(*file.value(), nullptr);
      }
    }
    const Result<PoolRepair> repair = RepairPool(file.value());
    if (!repair.ok()) {
      return Problem(report_.unrepaired, repair.status().what());
    }
    if (!repair.value().check.clean()) {
      Problem(report_.unrepaired, FindingsOf(repair.value().check));
    }
    ++report_.repaired;
    const auto pool = JoinPool(file.value(), {.verify = PoolVerify::kAlways});
    Read(*pool, true, "after repair");
    Use(*pool);
    const PoolCheck after = CheckPool(*file.value(), nullptr);
    if (!after.clean()) Problem(report_.unrepaired, "later: " + FindingsOf(after));
  }

  void Write(const std::vector<std::byte>& image) {
    if (pwrite(place_.fd(), image.data(), image.size(), 0) != static_cast<ssize_t>(image.size())) {
      std::abort();
    }
  }

  PoolPlaceForTest place_;
  std::mt19937_64 random_;
  uint64_t data_ = 0;
  std::vector<std::byte> image_;
  FlipReport report_;
};

}  // namespace

FlipReport FuzzPool(uint64_t images, uint64_t seed) { return Fuzz(seed).Run(images); }

}  // namespace memtiers
