// Chunks side by side for a source to watch, populated and of small pages.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/bytes.h"
#include "sys/backing_file.h"
#include "sys/mapping.h"
#include "track/hotness_source.h"

namespace memtiers {

class WatchedMemory {
 public:
  enum class Kind { kAnonymous, kFile };

  explicit WatchedMemory(size_t chunks, Kind kind = Kind::kAnonymous)
      : bytes_(chunks * kChunkBytes), address_(ReserveAddressSpace(bytes_, kChunkBytes).value()) {
    if (kind == Kind::kFile) {
      file_ = std::move(OpenUnnamedFile("/var/tmp").value());
      REQUIRE(AllocateRange(file_.get(), 0, bytes_).ok());
      REQUIRE(MapFile(address_, bytes_, {.fd = file_.get()}).ok());
    } else {
      REQUIRE(MapAnonymous(address_, bytes_).ok());
      AdviseSmallPages(address_, bytes_);
    }
    REQUIRE(PopulateWrite(address_, bytes_).ok());
  }
  WatchedMemory(const WatchedMemory&) = delete;
  WatchedMemory& operator=(const WatchedMemory&) = delete;
  ~WatchedMemory() { ReleaseAddressSpace(address_, bytes_); }

  std::byte* chunk(size_t index) const { return address_ + index * kChunkBytes; }
  int file() const { return file_.get(); }
  size_t bytes() const { return bytes_; }

  // Numbers them from 100 on, so that a number is no index.
  std::vector<WatchedChunk> All() const {
    std::vector<WatchedChunk> all;
    for (size_t i = 0; i * kChunkBytes < bytes_; ++i) {
      all.push_back({.chunk = static_cast<uint32_t>(100 + i), .address = chunk(i)});
    }
    return all;
  }

  void Write(size_t index, size_t pages) const {
    for (size_t page = 0; page < pages; ++page) {
      *static_cast<volatile std::byte*>(chunk(index) + page * 4 * kKiB) = std::byte{1};
    }
  }
  void Read(size_t index, size_t pages) const {
    for (size_t page = 0; page < pages; ++page) {
      (void)*static_cast<const volatile std::byte*>(chunk(index) + page * 4 * kKiB);
    }
  }

 private:
  size_t bytes_;
  std::byte* address_;
  UniqueFd file_;
};

// What was found of a chunk; nothing when it is not in the collection.
inline ChunkAccesses AccessesOf(const Collection& collection, uint32_t chunk) {
  const auto found = std::ranges::find(collection.chunks, chunk, &ChunkAccesses::chunk);
  return found == collection.chunks.end() ? ChunkAccesses{} : *found;
}

// REQUIRES: the kind works here. The first collection is over when it returns.
inline std::unique_ptr<HotnessSource> Watching(HotnessKind kind, const WatchedMemory& memory) {
  std::unique_ptr<HotnessSource> source = std::move(OpenHotnessSource(kind).value());
  REQUIRE(source->Watch(memory.All()).ok());
  REQUIRE(source->Collect().value().chunks.empty());
  return source;
}

// Says so where a source does not work here.
inline bool Works(HotnessKind kind) {
  for (const HotnessProbe& probe : ProbeHotnessSources()) {
    if (probe.kind != kind) continue;
    if (!probe.available)
      MESSAGE("skipped: no " << std::string(HotnessKindName(kind)) << ": " << probe.detail);
    return probe.available;
  }
  return false;
}

}  // namespace memtiers
