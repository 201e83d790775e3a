/** What `simulate` found, as one JSON document. All times in it are modelled. */

import type { UnitRecord } from '../decisions/unit-history.ts';
import type { TierEndurance } from '../migration/write-budget.ts';
import type { ModelledTier } from '../simulation/modelled-store.ts';
import {
  type Convergence,
  convergences,
  type SettledMetrics,
  settledMetrics,
} from '../simulation/run-metrics.ts';
import type { SimulationResult } from '../simulation/simulator.ts';

/** Share of the cost of moves that a background mover leaves to the program. */
export const backgroundShare = 0.25;

/** One policy of a {@link SimulateReport}. Times are MODELLED nanoseconds an access. */
export interface SimulatedPolicy {
  readonly policy: string;
  /** Requests between two plans, at the end. */
  readonly interval: number;
  /** Share of the accesses by tier; a first touch counts where the object was placed. */
  readonly served: Readonly<Record<string, number>>;
  /** Moves not counted. */
  readonly accessNs: number;
  readonly moveNs: number;
  /** `accessNs + moveNs`: every move in the foreground. */
  readonly totalNs: number;
  /** With a quarter of `moveNs`: most of a move on another core. */
  readonly backgroundTotalNs: number;
  /** `totalNs` over that of everything in the fastest tier. */
  readonly slowdown: number;
  /** The static optimum over `totalNs`, and the lower bound; absent without `--oracle`. */
  readonly shareOfStaticOracle?: number;
  readonly shareOfLowerBound?: number;
  readonly promotions: number;
  readonly demotions: number;
  readonly movesFailed: number;
  readonly pingPongMoves: number;
  /** Of the moves. */
  readonly pingPongShare: number;
  readonly bytesMoved: number;
  readonly bytesMovedPerAccess: number;
  /** Bytes of moves into each tier. */
  readonly bytesIn: Readonly<Record<string, number>>;
  /** Of tiers with a rated endurance: what they were written and may still be. Absent where there is none. */
  readonly endurance?: readonly TierEndurance[];
  readonly plans: number;
  /** Units that would have moved, by what kept them; a unit counts in every plan that considers it. */
  readonly refused: Readonly<Record<string, number>>;
  /** What the policy wanted to be seen, of its last plan; null: infinite. */
  readonly planNotes: Readonly<Record<string, number | null>>;
  readonly policyErrors: number;
  /** Without the warm-up; null when nothing is left. */
  readonly settled: SettledMetrics | null;
  readonly convergence: readonly Convergence[];
  /** With `--explain`: what became of that object. */
  readonly explained?: UnitRecord;
}

/** Result of `memory-tiers simulate --json`. */
export interface SimulateReport {
  /** Nothing here was measured. */
  readonly modelled: true;
  readonly workload: string;
  readonly requests: number;
  /** Accesses one request stands for. */
  readonly weight: number;
  readonly units: number;
  readonly footprintBytes: number;
  readonly tiers: readonly (Omit<ModelledTier, 'capacityBytes'> & {
    /** null: without a limit. */
    readonly capacityBytes: number | null;
  })[];
  /** Everything in the fastest tier, and in the slowest. */
  readonly allFastNs: number;
  readonly allSlowNs: number;
  readonly staticOracleNs?: number;
  readonly lowerBoundNs?: number;
  /** The key that `--explain` asked about. */
  readonly explainedKey?: number;
  readonly policies: readonly SimulatedPolicy[];
  /** What to know before believing the figures. */
  readonly notes: readonly string[];
}

/** Levels that need the whole workload in memory. */
export interface Oracles {
  readonly staticNs: number;
  readonly boundNs: number;
}

/** What a report is made of. */
export interface SimulateFacts {
  readonly tiers: readonly ModelledTier[];
  /** At least one. */
  readonly results: readonly SimulationResult[];
  readonly oracles: Oracles | undefined;
  /** Accesses left out of the settled figures. */
  readonly warmUpAccesses: number;
  /** Accesses before each shift of the workload. */
  readonly shifts: readonly number[];
  readonly notes: readonly string[];
  /** A key, and what each policy did with its object. */
  readonly explained?:
    | { readonly key: number; readonly records: readonly UnitRecord[] }
    | undefined;
}

function policyReport(
  result: SimulationResult,
  index: number,
  facts: SimulateFacts,
): SimulatedPolicy {
  const explained = facts.explained?.records[index];
  const { engine, tiers, moves } = result;
  const accesses = result.requests * result.weight;
  const totalNs = result.accessNs + result.moveNs;
  const byTier = (value: (tier: SimulationResult['tiers'][number]) => number) =>
    Object.fromEntries(tiers.map((tier) => [tier.name, value(tier)]));
  return {
    policy: result.policy,
    interval: result.interval,
    served: byTier((tier) => tier.accesses / accesses),
    accessNs: result.accessNs,
    moveNs: result.moveNs,
    totalNs,
    backgroundTotalNs: result.accessNs + backgroundShare * result.moveNs,
    slowdown: totalNs / result.allFastNs,
    ...(facts.oracles === undefined
      ? {}
      : {
          shareOfStaticOracle: facts.oracles.staticNs / totalNs,
          shareOfLowerBound: facts.oracles.boundNs / totalNs,
        }),
    promotions: engine.promotions,
    demotions: engine.demotions,
    movesFailed: engine.failed,
    pingPongMoves: engine.pingPongMoves,
    pingPongShare: moves === 0 ? 0 : engine.pingPongMoves / moves,
    bytesMoved: result.movedBytes,
    bytesMovedPerAccess: result.movedBytes / accesses,
    bytesIn: byTier((tier) => tier.bytesIn),
    ...(engine.endurance.length === 0 ? {} : { endurance: engine.endurance }),
    plans: engine.rounds,
    refused: engine.refused,
    planNotes: Object.fromEntries(
      Object.entries(engine.notes).map(([name, value]) => [
        name,
        Number.isFinite(value) ? value : null,
      ]),
    ),
    policyErrors: engine.policyErrors,
    settled: settledMetrics(result.windows, facts.warmUpAccesses) ?? null,
    convergence: convergences(result.windows, facts.shifts),
    ...(explained === undefined ? {} : { explained }),
  };
}

/** Gathers the report. */
export function simulateReport(facts: SimulateFacts): SimulateReport {
  const { tiers, results, oracles, notes } = facts;
  const [first] = results;
  return {
    modelled: true,
    workload: first.workload,
    requests: first.requests,
    weight: first.weight,
    units: first.units,
    footprintBytes: first.footprintBytes,
    tiers: tiers.map((tier) => ({
      ...tier,
      capacityBytes: Number.isFinite(tier.capacityBytes) ? tier.capacityBytes : null,
    })),
    allFastNs: first.allFastNs,
    allSlowNs: first.allSlowNs,
    ...(oracles === undefined
      ? {}
      : { staticOracleNs: oracles.staticNs, lowerBoundNs: oracles.boundNs }),
    ...(facts.explained === undefined ? {} : { explainedKey: facts.explained.key }),
    policies: results.map((result, index) => policyReport(result, index, facts)),
    notes,
  };
}
