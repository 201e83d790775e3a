/**
 * Puts what the engine knows beside what the store has seen. Spelled out field by field: a spread with more properties
 * behind it takes V8 some microseconds, twice a plan, and simulations make a plan every few accesses.
 */

import type { Snapshot, UnitColumns } from '../policy/policy.ts';
import type { MigrationTarget } from './migration-target.ts';

/** Every field has to be named, the optional ones too. */
type Complete<T> = { readonly [K in keyof Required<T>]: T[K] };

type Known = Pick<Snapshot, 'reuse' | 'carry' | 'pingPongShare' | 'realisedShare'>;

/** The snapshot a policy gets. The columns are those of `observed`. */
export function completeSnapshot(
  observed: ReturnType<MigrationTarget['snapshot']>,
  dwellUntil: Float64Array,
  { reuse, carry, pingPongShare, realisedShare }: Complete<Known>,
): Snapshot {
  const { units } = observed;
  const columns: Complete<UnitColumns> = {
    length: units.length,
    id: units.id,
    bytes: units.bytes,
    tier: units.tier,
    heatLog2: units.heatLog2,
    reads: units.reads,
    writes: units.writes,
    idle: units.idle,
    gap: units.gap,
    passing: units.passing,
    node: units.node,
    uses: units.uses,
    dwellUntil,
  };
  const snapshot: Complete<Snapshot> = {
    tiers: observed.tiers,
    slabShapes: observed.slabShapes,
    costs: observed.costs,
    units: columns,
    histograms: observed.histograms,
    unitCounts: observed.unitCounts,
    accessClock: observed.accessClock,
    accessesSincePlan: observed.accessesSincePlan,
    arrivals: observed.arrivals,
    halfLifeAccesses: observed.halfLifeAccesses,
    latencyBalance: observed.latencyBalance,
    nodes: observed.nodes,
    reuse,
    carry,
    pingPongShare,
    realisedShare,
  };
  return snapshot;
}
