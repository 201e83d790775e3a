/** What the demo found, as data. */

import { type AccessModel, modelledAccessNs } from '../../simulation/access-model.ts';
import type { Limit, Tier } from '../../tiers/tier.ts';
import type { MoveGroup } from './moves.ts';

/** Accesses of one part of the demo in one tier. */
export interface ChapterTier {
  readonly name: string;
  readonly hits: number;
  readonly hitShare: number;
  /** MODELLED mean time of an access this tier served. */
  readonly modelledAccessNs: number;
}

/** One part of the demo: the agent reading some years' addresses. */
export interface ChapterReport {
  readonly years: string;
  readonly passagesRead: number;
  readonly accesses: number;
  readonly bytes: number;
  /** Moves of the engine meanwhile, and their MODELLED time. */
  readonly moved: number;
  readonly bytesMoved: number;
  readonly moveSeconds: number;
  /** Wall time of this machine, bookkeeping of the demo included. */
  readonly seconds: number;
  /** MODELLED from the tiers' figures. */
  readonly modelledSeconds: number;
  readonly modelledAccessNs: number;
  readonly tiers: readonly ChapterTier[];
}

/** A way to keep the same data, with its price and its speed for the same accesses. */
export interface Alternative {
  readonly name: string;
  /** MODELLED mean time of an access. */
  readonly modelledAccessNs: number;
  readonly modelledSeconds: number;
  /** Relative cost a month; 1 = one GiB of DDR. */
  readonly costPerMonth: number;
}

/** Bytes and objects of one tier. */
export interface Holding {
  readonly name: string;
  readonly objects: number;
  readonly bytes: number;
}

/** A tier as the demo uses it. */
export interface DemoTier {
  readonly name: string;
  readonly kind: 'real' | 'simulated';
  readonly capacityBytes: number;
  readonly readLatencyNs: number;
  readonly readBytesPerSecond: number;
  readonly costPerGiBMonth: number;
  readonly evidence: readonly string[];
}

/** Result of `memory-tiers demo --json`. Every time in it but `seconds` is MODELLED from the tiers' figures. */
export interface DemoReport {
  readonly policy: string;
  readonly tiers: readonly DemoTier[];
  readonly limits: readonly Limit[];
  readonly data: {
    readonly source: string;
    readonly documents: number;
    readonly passages: number;
    readonly words: number;
    readonly objects: number;
    readonly bytes: number;
  };
  /** The first part, with the data where it was put on arrival. */
  readonly before: ChapterReport;
  readonly heldBefore: readonly Holding[];
  readonly optimization: {
    readonly moved: number;
    readonly bytesMoved: number;
    readonly seconds: number;
    /** MODELLED time of the moves. */
    readonly modelledSeconds: number;
    readonly groups: readonly MoveGroup[];
    readonly refused: Readonly<Record<string, number>>;
  };
  readonly heldAfter: readonly Holding[];
  /** The second part, with the engine moving data now and then. */
  readonly after: ChapterReport;
  readonly heldLast: readonly Holding[];
  /** The accesses of the second part under other ways to keep the data. */
  readonly alternatives: readonly Alternative[];
  readonly corruptReads: number;
  readonly corruptObjects: number;
  readonly seconds: number;
}

const GiB = 2 ** 30;

/** Sums of one chapter. */
export function chapterReport(
  model: AccessModel,
  about: Omit<
    ChapterReport,
    'accesses' | 'bytes' | 'modelledSeconds' | 'modelledAccessNs' | 'tiers'
  >,
): ChapterReport {
  const { accesses, modelledNs } = model;
  return {
    ...about,
    accesses,
    bytes: model.byTier.reduce((sum, { bytes }) => sum + bytes, 0),
    modelledSeconds: modelledNs / 1e9,
    modelledAccessNs: modelledNs / accesses,
    tiers: model.tiers.map(({ name }, index) => {
      const sums = model.byTier[index];
      return {
        name,
        hits: sums.accesses,
        hitShare: sums.accesses / accesses,
        modelledAccessNs: sums.accesses === 0 ? 0 : sums.modelledNs / sums.accesses,
      };
    }),
  };
}

/** Bytes and objects by tier. */
export function holdings(
  tiers: readonly Tier[],
  placement: Uint8Array,
  bytesOf: (object: number) => number,
): Holding[] {
  const objects = tiers.map(() => 0);
  const bytes = tiers.map(() => 0);
  for (const [object, tier] of placement.entries()) {
    objects[tier]++;
    bytes[tier] += bytesOf(object);
  }
  return tiers.map(({ name }, index) => ({ name, objects: objects[index], bytes: bytes[index] }));
}

/** Relative cost a month of what the tiers hold. */
function costOf(tiers: readonly Tier[], held: readonly Holding[]): number {
  return tiers.reduce(
    (sum, { spec }, index) => sum + (held[index].bytes / GiB) * spec.costPerGiBMonth.value,
    0,
  );
}

/** The same accesses with what the tiers hold. */
export function asHeld(
  name: string,
  tiers: readonly Tier[],
  held: readonly Holding[],
  model: AccessModel,
): Alternative {
  return {
    name,
    modelledAccessNs: model.modelledNs / model.accesses,
    modelledSeconds: model.modelledNs / 1e9,
    costPerMonth: costOf(tiers, held),
  };
}

/** The same accesses and bytes, everything in one tier large enough. */
export function allIn(tier: Tier, model: AccessModel, dataBytes: number): Alternative {
  const { accesses } = model;
  const bytes = model.byTier.reduce((sum, tierSums) => sum + tierSums.bytes, 0);
  // The model is linear in bytes, so the mean access stands for all of them.
  const meanNs = modelledAccessNs(tier, bytes / accesses, false);
  return {
    name: `all in ${tier.name}`,
    modelledAccessNs: meanNs,
    modelledSeconds: (meanNs * accesses) / 1e9,
    costPerMonth: (dataBytes / GiB) * tier.spec.costPerGiBMonth.value,
  };
}
