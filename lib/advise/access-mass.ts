/**
 * Accesses added up so that their time in any tier can be told afterwards: latency counts accesses and bandwidth
 * bytes, so reads, writes and the bytes of each are all it takes.
 */

import { accessNs, type CostModel, moveNs, type TierSpeed } from '../policy/cost-model.ts';

/** Sums over requests. Fractions come from sampling. */
export interface AccessMass {
  readonly reads: number;
  readonly writes: number;
  /** Bytes that the reads touch. */
  readonly readBytes: number;
  readonly writeBytes: number;
  /** Whole sizes of the units accessed: what moving them takes. */
  readonly unitBytes: number;
}

/** No access. */
export const noMass: AccessMass = {
  reads: 0,
  writes: 0,
  readBytes: 0,
  writeBytes: 0,
  unitBytes: 0,
};

/** `a + factor * b`. */
export function addMass(a: AccessMass, b: AccessMass, factor = 1): AccessMass {
  return {
    reads: a.reads + factor * b.reads,
    writes: a.writes + factor * b.writes,
    readBytes: a.readBytes + factor * b.readBytes,
    writeBytes: a.writeBytes + factor * b.writeBytes,
    unitBytes: a.unitBytes + factor * b.unitBytes,
  };
}

/** Number of requests. */
export function requestsOf(mass: AccessMass): number {
  return mass.reads + mass.writes;
}

/** Time of all accesses, one a request, if `tier` serves them. */
export function massAccessNs(tier: TierSpeed, mass: AccessMass, costs: CostModel): number {
  const { reads, writes, readBytes, writeBytes } = mass;
  // accessNs is linear in the bytes touched, so the mean stands for all of them.
  const read = reads > 0 ? reads * accessNs(tier, readBytes / reads, 0, costs) : 0;
  const write = writes > 0 ? writes * accessNs(tier, writeBytes / writes, 1, costs) : 0;
  return read + write;
}

/** Time of moving the unit of every request once. */
export function massMoveNs(
  from: TierSpeed,
  to: TierSpeed,
  mass: AccessMass,
  costs: CostModel,
): number {
  const count = requestsOf(mass);
  return count > 0 ? count * moveNs(from, to, mass.unitBytes / count, costs) : 0;
}
