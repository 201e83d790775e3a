// A host that only reads, with caches of its own, while another one changes a pool's device.
//
// What it has in its caches is as old as it likes; what it drops from them it fetches anew from the
// device as that is then, while the other host goes on. One at a time, one thread.
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "line_replay.h"
#include "pool/set_reader.h"

namespace memtiers {

class ForeignReader {
 public:
  // `go_on`: is called where the other host may go on, before a line is fetched. `refreshes`:
  // false: as if nothing were ever dropped. All outlive the reader.
  ForeignReader(const PoolFile& file, const LineReplay& replay, bool refreshes,
                std::function<void()> go_on, std::mt19937_64& random);
  ~ForeignReader();
  ForeignReader(const ForeignReader&) = delete;
  ForeignReader& operator=(const ForeignReader&) = delete;

  // Has nothing old in its caches.
  void FetchAll();
  Result<std::optional<Copied>> Get(std::string_view key);
  std::vector<std::string> Keys();

 private:
  static void Observe(CoherenceCall call, const void* address, size_t bytes);
  void Fetch(uint64_t line);
  void FetchAnew(const void* address, size_t bytes);

  const LineReplay* replay_;
  bool refreshes_;
  std::function<void()> go_on_;
  std::mt19937_64* random_;
  struct Free {
    void operator()(std::byte* memory) const { operator delete(memory, std::align_val_t{4096}); }
  };
  std::unique_ptr<std::byte, Free> cached_;
  size_t bytes_;
  PoolMemory memory_;
};

}  // namespace memtiers
