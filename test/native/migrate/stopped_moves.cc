#include "migrate/stopped_moves.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "sys/userfaultfd.h"

namespace memtiers {
namespace {

constexpr uint64_t kCapacity = 4 * kChunkBytes;
constexpr int kNowhere = -1;

std::atomic<int> failing_point = kNowhere;
std::atomic<int> waiting_point = kNowhere;
std::atomic<bool> somebody_waits = false;
std::atomic<bool> gate_is_open = false;
std::atomic<unsigned> reached_points = 0;

unsigned BitOf(MovePoint point) { return 1U << static_cast<int>(point); }

Status Hook(MovePoint point) {
  reached_points |= BitOf(point);
  if (static_cast<int>(point) == waiting_point) {
    somebody_waits = true;
    while (!gate_is_open) std::this_thread::yield();
  }
  if (static_cast<int>(point) != failing_point) return {};
  return Status::FromErrno(Code::kIo, EIO, "test", MovePointName(point));
}

uint64_t WordAt(size_t i, uint64_t seed) { return (i + 1) * 0x9e3779b97f4a7c15 ^ seed; }

}  // namespace

bool CanMove() {
  if (ProbeUserfaultfd().error == 0) return true;
  MESSAGE("skipped: no full userfaultfd here");
  return false;
}

uint32_t Tiers::AddMemory() const {
  return Add(std::move(SimulatedBackend::Open(std::nullopt).value()));
}

uint32_t Tiers::AddFile() const {
  const FileBackendParams params = {.directory = "/var/tmp", .capacity_bytes = kCapacity};
  return Add(std::move(FileBackend::Open(params).value()));
}

uint32_t Tiers::Add(std::unique_ptr<Backend> backend) const {
  return heap->AddBackend(std::move(backend), kCapacity).value();
}

Result<MoveResult> Tiers::Move(uint32_t chunk, uint32_t backend) const {
  Result<LiveMove> move = LiveMove::Begin(*heap, chunk, backend);
  if (!move.ok()) return move.status();
  std::thread mover([&] { move.value().Run(); });
  mover.join();
  return move.value().Finish(*heap);
}

void Fill(std::byte* chunk, uint64_t seed) {
  for (size_t i = 0; i < kChunkBytes; i += sizeof seed) {
    const uint64_t word = WordAt(i, seed);
    std::memcpy(chunk + i, &word, sizeof word);
  }
}

bool IsFilled(const std::byte* chunk, uint64_t seed) {
  for (size_t i = 0; i < kChunkBytes; i += sizeof seed) {
    const uint64_t word = WordAt(i, seed);
    if (std::memcmp(chunk + i, &word, sizeof word) != 0) return false;
  }
  return true;
}

HookedMoves::HookedMoves() {
  failing_point = waiting_point = kNowhere;
  somebody_waits = gate_is_open = false;
  reached_points = 0;
  SetMovePointHook(Hook);
}

HookedMoves::~HookedMoves() { SetMovePointHook(nullptr); }

void HookedMoves::FailAt(std::optional<MovePoint> point) {
  failing_point = point.has_value() ? static_cast<int>(*point) : kNowhere;
}
void HookedMoves::WaitAt(MovePoint point) { waiting_point = static_cast<int>(point); }
void HookedMoves::OpenGate() { gate_is_open = true; }
bool HookedMoves::gate_open() { return gate_is_open; }
bool HookedMoves::arrived() { return somebody_waits; }
bool HookedMoves::Reached(MovePoint point) { return (reached_points & BitOf(point)) != 0; }

StoppedMove::StoppedMove(const Tiers& tiers, uint32_t chunk, uint32_t backend, MovePoint point)
    : heap_(*tiers.heap), move_(std::move(LiveMove::Begin(heap_, chunk, backend).value())) {
  HookedMoves::WaitAt(point);
  mover_ = std::thread([this] { move_.Run(); });
  while (!HookedMoves::arrived()) std::this_thread::yield();
}

Result<MoveResult> StoppedMove::LetGo() {
  HookedMoves::OpenGate();
  mover_.join();
  return move_.Finish(heap_);
}

}  // namespace memtiers
