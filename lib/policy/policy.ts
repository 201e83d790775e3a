/**
 * What a placement policy is: a pure function from a snapshot to a plan.
 *
 * The live engine, the replay and the simulator hand the same snapshots to the same policies, so an answer
 * from one of them is about the code that runs in the others. A policy keeps no state and reads no clock:
 * everything it may know is in the snapshot.
 *
 * Time is counted in tracked accesses (`accessClock`), so that a decision depends on what the program did
 * and not on how fast it did it; only rate limits use nanoseconds.
 */

import type { TierName } from '../tiers/tier.ts';
import type { CostModel, TierSpeed } from './cost-model.ts';
import type { ReuseTable } from './reuse.ts';

/** What a policy knows about a tier. Index 0 is the fastest tier in use. */
export interface TierState extends TierSpeed {
  readonly name: TierName;
  readonly capacityBytes: number;
  /** Bytes to keep free for new units and for exchanges. Default: as `headroomBytes` in thresholds.ts says. */
  readonly headroomBytes?: number | undefined;
  /** Bytes of the units it holds. */
  readonly usedBytes: number;
  /** Of tiers whose small units live in slabs. */
  readonly slabs?: TierSlabs | undefined;
  readonly costPerGiBMonth: number;
  /** Bytes a day its drives are rated to be written over their life; absent for what does not wear out, or is unknown. */
  readonly writeBytesPerDay?: number | undefined;
}

/** Slabs of one size of small units: each holds `slots` units of `slotBytes` bytes. */
export interface SlabShape {
  readonly slotBytes: number;
  readonly slots: number;
  readonly slabBytes: number;
}

/** What the small units of a tier take, each size packed into as few slabs as can be. */
export interface TierSlabs {
  /** Bytes charged against the capacity, whole slabs and units that are in none. */
  readonly packedBytes: number;
  /** Free slots of those slabs, by index into `slabShapes` of the snapshot. */
  readonly freeSlots: readonly number[];
}

/**
 * Units (small objects and region chunks) under consideration, a column each, `length` rows: those accessed
 * since the last plan, and a share of the others that rotates so that every unit is considered in turn.
 */
export interface UnitColumns {
  readonly length: number;
  /** Opaque identity, stable over the unit's life. */
  readonly id: Float64Array;
  /** Bytes the unit occupies in its tier. */
  readonly bytes: Float64Array;
  /** Index into `tiers`. */
  readonly tier: Uint8Array;
  /** log2 of the decayed access count; very negative when cold. */
  readonly heatLog2: Float32Array;
  /** Reads since the last plan. */
  readonly reads: Uint32Array;
  /** Writes since the last plan. */
  readonly writes: Uint32Array;
  /**
   * Accesses since the unit's last use; for one used since the last plan, between now and its last use before that.
   * `Infinity` when there was none.
   */
  readonly idle: Float64Array;
  /** How long it had been unused before its last use before this interval, as a bin of `gapBin` in use-class.ts. */
  readonly gap: Uint8Array;
  /**
   * 1 for a unit that a scan has just brought into use where it was learned that its units are not used again; absent
   * when nobody looks.
   */
  readonly passing?: Uint8Array | undefined;
  /**
   * Where the unit's memory is, as an index into {@link NodeStates.ids}; {@link noNode} for a file or device. Absent
   * without {@link Snapshot.nodes}.
   */
  readonly node?: Uint8Array | undefined;
  /**
   * By node: share of the unit's recent accesses that came from its CPUs, 0..1; all 0 while nobody knows. Absent
   * without {@link Snapshot.nodes}.
   */
  readonly uses?: readonly Float32Array[] | undefined;
  /** `accessClock` before which the unit should stay where it is; 0 when it never moved. */
  readonly dwellUntil: Float64Array;
}

/** In {@link UnitColumns.node}: on no node. */
export const noNode = 255;

/** What of a tier is on one node. */
export interface NodeRoom {
  /** Index into {@link NodeStates.ids}. */
  readonly node: number;
  readonly capacityBytes: number;
  readonly usedBytes: number;
}

/** The nodes that units are on, and how far they are from their users. */
export interface NodeStates {
  /** The operating system's numbers. */
  readonly ids: readonly number[];
  /** Whether threads may run on it. */
  readonly hasCpus: readonly boolean[];
  /** `distances[user][memory]`, by index into `ids`: relative latency as the firmware gives it, 10 for its own. */
  readonly distances: readonly (readonly number[])[];
  /** By tier; empty for a tier that is on no node. */
  readonly rooms: readonly (readonly NodeRoom[])[];
}

/** Bytes of all units of one tier by heat density; `bins[i]` counts density in [2^(i+minLog2), 2^(i+1+minLog2)). */
export interface HeatHistogram {
  /** log2 of accesses per 2 MiB at the lower edge of bin 0; everything colder is in bin 0. */
  readonly minLog2: number;
  readonly bins: Float64Array;
}

/** Where the search for the right split between a tier and the next slower one stands; see latency-balance.ts. */
export interface PairBalance {
  /** Whether the faster tier is, or was not long ago, slower under load than the other; else nothing here counts. */
  readonly engaged: boolean;
  /** Of the accesses to both tiers, the share the faster one served when `samples` began; 0..1. */
  readonly share: number;
  /** The share it should serve. */
  readonly target: number;
  /** The right share is believed to be between these. */
  readonly low: number;
  readonly high: number;
  /** How far the search looked beyond those when they held no longer; 0 when they hold. */
  readonly reach: number;
  /** Observations in a row after which there was nothing left to balance. */
  readonly calm: number;
}

/** Latencies measured while the program runs, and what follows from them. */
export interface LatencyBalance {
  /** By tier, smoothed; 0 for a tier nobody measures. */
  readonly loadedLatencyNs: readonly number[];
  /** Observations since a share last changed much: older latencies are forgotten then. */
  readonly samples: number;
  /** By tier but the last: the tier and the next one. */
  readonly pairs: readonly PairBalance[];
}

/** Units created in an interval. */
export interface Arrivals {
  readonly units: number;
  /** Of the units, those of which a use was seen: all, unless the tracker samples. */
  readonly seen: number;
}

/** Everything a policy may know. */
export interface Snapshot {
  readonly tiers: readonly TierState[];
  /** The slabs that small units live in, by size; absent where units lie without slabs. */
  readonly slabShapes?: readonly SlabShape[] | undefined;
  /** What accesses and moves cost besides the tiers' own figures. */
  readonly costs: CostModel;
  readonly units: UnitColumns;
  /** One for each tier, over ALL its units, not only those under consideration. */
  readonly histograms: readonly HeatHistogram[];
  /** Units in each tier. */
  readonly unitCounts: readonly number[];
  /** Tracked accesses since the start. */
  readonly accessClock: number;
  /** Tracked accesses since the last plan. */
  readonly accessesSincePlan: number;
  /** What came since the last plan; absent when nobody counts it: then each unit that is first used is taken for new. */
  readonly arrivals?: Arrivals | undefined;
  /** Accesses in which a unit's heat halves, as the policy last asked for. */
  readonly halfLifeAccesses: number;
  /** Share of the recent moves that undid another one, 0..1. */
  readonly pingPongShare: number;
  /** Realised benefit over predicted benefit of past promotions, smoothed; 1 when nothing is known. */
  readonly realisedShare: number;
  /** How often units like a given one are used again, as far as it has been learned; absent when nobody learns. */
  readonly reuse?: ReuseTable | undefined;
  /** How the tiers bear their load; absent when nobody measures it. */
  readonly latencyBalance?: LatencyBalance | undefined;
  /** Absent where all memory is on one node, or nobody knows who uses it. */
  readonly nodes?: NodeStates | undefined;
  /** What the policy's last plan asked to be kept for this one; absent the first time, and after a dry run unchanged. */
  readonly carry?: unknown;
}

/** What one plan may cost. */
export interface PlanBudget {
  /** Bytes that may be moved. */
  readonly bytes: number;
  /** Whether the plan is to name every unit that it keeps where it is. Default false: it only counts them. */
  readonly explain?: boolean | undefined;
  /**
   * By tier: bytes that moves may still write to it now, so that its drives last; `Infinity` where nothing limits it.
   * Moves with the reasons `room` and `hint` count, but need not fit: see {@link neverRefused}. Absent: no limit at all.
   */
  readonly writeBytes?: readonly number[] | undefined;
  /**
   * Of `bytes`, what may be promoted on a promise (`gainNs` above 0): promotions did not pay for themselves lately.
   * Absent: as much as there is.
   */
  readonly promotionBytes?: number | undefined;
}

/** Why a unit is moved. */
export type MoveReason =
  | 'hot' // hotter than the threshold of a faster tier
  | 'victim' // makes room for a hotter unit
  | 'cold' // less use for its place than a new unit is expected to have
  | 'room' // restores the tier's head-room
  | 'recent' // used more recently than what the faster tier holds
  | 'load' // the faster tier answers later under its load than the slower one
  | 'near' // is used mostly from another node; the tier stays
  | 'hint'; // the caller asked for this tier

/** Whether a move for this reason is made however much its tier was written: somebody waits for it. */
export function neverRefused(reason: MoveReason): boolean {
  return reason === 'room' || reason === 'hint';
}

/** One proposed step. The engine holds `gainNs` against what the unit's accesses really saved. */
export interface Move {
  /** The unit's id, as in the snapshot. */
  readonly unit: number;
  readonly bytes: number;
  readonly from: number;
  /** As `from` for a move between nodes of a tier. */
  readonly to: number;
  /** The operating system's number of the node to move to, where it has room; absent when it does not matter. */
  readonly node?: number | undefined;
  readonly reason: MoveReason;
  /** Modelled time the unit's accesses of one half-life save by the move; 0 or negative for a victim. */
  readonly gainNs: number;
  /** Modelled cost of the move itself. */
  readonly costNs: number;
}

/** A unit that stays though it was considered. */
export interface Refusal {
  /** The unit's id, as in the snapshot. */
  readonly unit: number;
  readonly from: number;
  /** Where it would have gone. */
  readonly to: number;
  /** What kept it: `dwell`, `benefit`, `budget`, `endurance`, `payback`, `room`... */
  readonly why: string;
  /** As of a {@link Move}, victims' losses and moves included where there would have been victims. */
  readonly gainNs: number;
  readonly costNs: number;
}

/** What a policy wants done, in the order in which it is to be done (victims before what replaces them). */
export interface Plan {
  readonly moves: readonly Move[];
  /** Per tier but the last: log2 density (accesses per 2 MiB) a unit needs to belong there or above. */
  readonly thresholdsLog2: readonly number[];
  /** Units that would have moved, counted by what kept them: `dwell`, `benefit`, `budget`, `endurance`, `room`… */
  readonly refused: Readonly<Record<string, number>>;
  /** Figures the policy wants its user to see, by name with their unit, e.g. `costPerMonth`; they steer nothing. */
  readonly notes?: Readonly<Record<string, number>> | undefined;
  /** With {@link PlanBudget.explain}: who stays, and why. */
  readonly refusals?: readonly Refusal[] | undefined;
  /** Kept by the engine for the next plan's snapshot. Plain data: a decision log writes it down. */
  readonly carry?: unknown;
}

/** A new unit that needs a place. */
export interface PlacementRequest {
  readonly bytes: number;
  /** The tier the caller asked for, as an index into `tiers`; -1 when it did not. */
  readonly tierHint: number;
  readonly accessPattern: AccessPattern;
}

/** How the caller can say it will use the data. */
export const accessPatterns = [
  'unknown',
  'sequential',
  'strided',
  'random',
  'write-mostly',
  'one-touch',
] as const;

/** One of {@link accessPatterns}; `unknown` is the default. */
export type AccessPattern = (typeof accessPatterns)[number];

/** A placement policy. Implementations are stateless; parameters are given to their factory. */
export interface Policy {
  readonly name: string;
  /** It looks at {@link Snapshot.latencyBalance}: latencies are measured for such a policy only. Default false. */
  readonly usesLatency?: boolean | undefined;
  /** `false`: it moves nothing, whatever it sees. Simulations leave {@link Snapshot.units} all but empty then. Default true. */
  readonly usesUnits?: boolean | undefined;
  /** It looks at {@link Snapshot.nodes}: who uses a unit is told to such a policy only. Default false. */
  readonly usesNodes?: boolean | undefined;
  /**
   * Accesses in which heat halves. Asked before each plan; `Infinity` counts for ever. `step` is how many accesses count
   * as one use, as in {@link ReuseTable}.
   */
  halfLifeAccesses(
    tiers: readonly TierState[],
    unitCounts: readonly number[],
    step?: number,
  ): number;
  /**
   * Whether a new unit may enter tier `tier` (an index); asked from the preferred tier downwards until one
   * is taken and has room. The last tier is not asked.
   */
  admits(request: PlacementRequest, tier: number, tiers: readonly TierState[]): boolean;
  plan(snapshot: Snapshot, budget: PlanBudget): Plan;
}
