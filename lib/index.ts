/** The public surface: re-exports only. */

export {
  type PlacementProblem,
  type PlacementSolution,
  type PlacementTarget,
  type PlacementUnits,
  type PricedTier,
  solvePlacement,
} from './cost/placement-solver.ts';
export {
  defaultPrices,
  type MixLine,
  type MixSaving,
  mixSaving,
  type TierMix,
  type TierPrices,
  targetMixes,
} from './cost/savings.ts';
export { DecisionLog } from './decisions/decision-log.ts';
export { type LoggedDecision, readDecisions } from './decisions/read-decisions.ts';
export { findDifference, type PlanDifference, type Replanned, replan } from './decisions/replan.ts';
export { TierError, type TierErrorCode, type TierErrorDetails, tierErrorCodes } from './errors.ts';
export type { UnitExplanation } from './explain/explain-plan.ts';
export type { MainThreadStats } from './main-thread.ts';
export type { DamageCause, DamagedUnit, DamageTotals } from './memory/damage-book.ts';
export type {
  DataType,
  Stored,
  StoredData,
  TypedArray,
  TypedArrayConstructor,
  ViewOf,
} from './memory/data.ts';
export { Handle } from './memory/handle.ts';
export type { MigrationMode } from './memory/heap-binding.ts';
export type { HotnessProbe, HotnessSourceKind } from './memory/hotness-binding.ts';
export type { UnusedSource } from './memory/hotness-ladder.ts';
export type { InterleavedPart, Interleaving } from './memory/interleaved-run.ts';
export type { TrackingStats } from './memory/kernel-hotness.ts';
export type { Key } from './memory/key-arena.ts';
export type { LatencyStats, TierLatency } from './memory/latency-watch.ts';
export { Lease, type LeaseOptions } from './memory/lease.ts';
export { PersistentRegion, type PersistentRegionOptions } from './memory/persistent-region.ts';
export type { PlacementOptions } from './memory/placement.ts';
export type { PrefetchStats } from './memory/read-ahead-ledger.ts';
export { type LostElements, Region, type RegionShare } from './memory/region.ts';
export type { KnownPattern } from './memory/region-patterns.ts';
export {
  type AttachReplicatedOptions,
  attachReplicated,
  type ReplicaToken,
  ReplicatedRegion,
  type ShareOptions,
} from './memory/replicated-region.ts';
export { attachRegion, type RegionToken, SharedRegion } from './memory/shared-region.ts';
export type { UnmeasuredTier } from './memory/tier-probes.ts';
export type { TouchOptions } from './memory/touch.ts';
export type {
  AllocateOptions,
  CheckpointOptions,
  OpenOptions,
  OptimizePlacementOptions,
  StoreOptions,
  TrackingOptions,
  VerifyOptions,
} from './memory-options.ts';
export type {
  CheckpointReport,
  Explanation,
  RestoreReport,
  VerifyReport,
} from './memory-reports.ts';
export type { MemoryStats, TierStats } from './memory-stats.ts';
export { DataMigrationEngine } from './migration/data-migration-engine.ts';
export type { Decision } from './migration/decision.ts';
export type {
  EngineStats,
  MoveRecord,
  OptimizeReport,
  StepReport,
} from './migration/engine-stats.ts';
export type {
  AppliedMove,
  FailedMove,
  MigrationTarget,
  MoveOutcome,
  MoveResult,
} from './migration/migration-target.ts';
export type { TierEndurance } from './migration/write-budget.ts';
export type { BackendPlace, SocketBackends } from './numa/backend-nearness.ts';
export type { KernelCounters } from './numa/kernel-counters.ts';
export type {
  BalancingCounters,
  CpuCache,
  NodeAllocations,
  NodeMemory,
} from './numa/numa-binding.ts';
export { NumaOptimizer, type ThreadLocation } from './numa/numa-optimizer.ts';
export type {
  NumaForkOptions,
  NumaOptimizerOptions,
  NumaWorkerOptions,
  PinOptions,
  StartPlacement,
} from './numa/numa-options.ts';
export type { BalancedWorker, BalanceReport } from './numa/placed-workers.ts';
export type { NodeReplica, ReplicaStats } from './numa/replica-stats.ts';
export type { ReplicaTableParts } from './numa/replica-table.ts';
export type { ResidencySampler } from './numa/residency.ts';
export type { ThreadPlacement } from './numa/thread-target.ts';
export type { NumaCpu, NumaNode, NumaSocket, NumaTopology } from './numa/topology.ts';
export { type CostModel, defaultCosts } from './policy/cost-model.ts';
export { type LatencyBalancedOptions, latencyBalanced } from './policy/latency-balanced.ts';
export { nearUser } from './policy/near-user.ts';
export { createPolicy, type PolicyName, policyNames } from './policy/policies.ts';
export type {
  AccessPattern,
  HeatHistogram,
  Move,
  MoveReason,
  NodeRoom,
  NodeStates,
  PlacementRequest,
  Plan,
  PlanBudget,
  Policy,
  Refusal,
  Snapshot,
  TierState,
  UnitColumns,
} from './policy/policy.ts';
export { CxlMemoryPool } from './pool/cxl-memory-pool.ts';
export type { PoolMedium } from './pool/device-kind.ts';
export type {
  PoolCheck,
  PoolCoherence,
  PoolDescription,
  PoolDeviceReport,
  PoolFigures,
  PoolListing,
  PoolMemberReport,
  PoolObjectKind,
  PoolRepair,
  PoolScrub,
} from './pool/pool-binding.ts';
export type { PoolData } from './pool/pool-data.ts';
export type { PoolDestroyOptions } from './pool/pool-destroy.ts';
export { PoolLease } from './pool/pool-lease.ts';
export type {
  PoolDeleteOptions,
  PoolPutOptions,
  PoolWatchOptions,
} from './pool/pool-operations.ts';
export type { PoolDeviceOptions, PoolOpenOptions } from './pool/pool-options.ts';
export type { PoolEntry } from './pool/pool-reads.ts';
export { PoolRegion } from './pool/pool-region.ts';
export type { PoolDeviceStats, PoolStats } from './pool/pool-stats.ts';
export type { PoolChange } from './pool/pool-watch.ts';
export type { PublishOptions } from './pool/publish.ts';
export type { ModelledTier } from './simulation/modelled-store.ts';
export { type SimulationOptions, type SimulationResult, simulate } from './simulation/simulator.ts';
export { openTrace, type TraceSource } from './simulation/trace-source.ts';
export { traceWorkload, type Workload } from './simulation/workload.ts';
export { parseWorkload } from './simulation/workloads/parse-workload.ts';
export type { DurationQuantiles, SliceBucket, SliceTimes } from './slices.ts';
export { TieredMemory } from './tiered-memory.ts';
export { HardwareTierManager } from './tiers/hardware-tier-manager.ts';
export type { MachineDescription } from './tiers/machine-description.ts';
export {
  type BackendConfig,
  type BackendKind,
  type Figure,
  type FigureSource,
  type Limit,
  type Tier,
  type TierName,
  type TierSpec,
  tierNames,
} from './tiers/tier.ts';
export type { TierOptions, TierSpecOptions } from './tiers/tier-options.ts';
