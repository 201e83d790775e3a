/**
 * Regions whose use is known, and phases whose borders are known: what detectors of patterns are measured with besides
 * single accesses (labelled-streams.ts). Deterministic.
 */

import type { AccessPattern } from '../policy/policy.ts';
import { uniformNumbers } from './labelled-streams.ts';

/** The patterns regions can have here. */
export const labelledPatterns: readonly AccessPattern[] = [
  'sequential',
  'strided',
  'random',
  'write-mostly',
  'one-touch',
];

/** One access to one of the regions. */
export interface RegionAccess {
  /** Its pattern is `labelledPatterns[region % 5]`. */
  readonly region: number;
  /** Page in one space for all regions. */
  readonly page: number;
  readonly isWrite: boolean;
  /** The page was not accessed before. */
  readonly isFirst: boolean;
}

const regionPages = 2 ** 20;

/**
 * `accesses` accesses to `regions` regions in random order; a share `noise` of them goes anywhere in the region and
 * reads.
 */
export function* labelledRegions(
  seed: number,
  regions: number,
  accesses: number,
  noise: number,
): Generator<RegionAccess> {
  const uniform = uniformNumbers(seed);
  const below = (n: number): number => Math.floor(uniform() * n);
  const touched = new Set<number>();
  const steps = new Array<number>(regions).fill(0);
  const begins = steps.map(() => below(regionPages / 2));
  for (let i = 0; i < accesses; i++) {
    const region = below(regions);
    const kind = labelledPatterns[region % labelledPatterns.length];
    const isNoise = uniform() < noise;
    const step = steps[region]++;
    let page = below(regionPages);
    if (!isNoise && kind === 'sequential') page = begins[region] + (step % 5000);
    if (!isNoise && kind === 'strided') page = begins[region] + ((17 * step) % 340_000);
    // 500 pages, spread out so that two are no neighbours.
    if (!isNoise && (kind === 'random' || kind === 'write-mostly')) page = below(500) * 1999;
    page += region * regionPages;
    const isFirst = !touched.has(page);
    touched.add(page);
    const isWrite = !isNoise && uniform() < (kind === 'write-mostly' ? 0.95 : 0.1);
    yield { region, page, isWrite, isFirst };
  }
}

/** Accesses in phases. */
export interface LabelledPhases {
  readonly position: Float64Array;
  /** Rows at which other data becomes hot, ascending. */
  readonly changes: readonly number[];
}

/**
 * 90 % of the accesses go to 2000 hot positions of 65,536, the others anywhere. In each phase of 10 to 40 thousand
 * accesses a share of the hot set, one of `shares` in turn, is replaced.
 */
export function labelledPhases(
  seed: number,
  length: number,
  shares: readonly number[],
): LabelledPhases {
  const uniform = uniformNumbers(seed);
  const below = (n: number): number => Math.floor(uniform() * n);
  const hot = Array.from({ length: 2000 }, () => below(65_536));
  const position = new Float64Array(length);
  const changes: number[] = [];
  let left = 40_000;
  for (let row = 0; row < length; row++) {
    if (left-- === 0 && shares.length > 0) {
      const share = shares[changes.length % shares.length];
      const first = below(hot.length);
      for (let i = 0; i < share * hot.length; i++) hot[(first + i) % hot.length] = below(65_536);
      changes.push(row);
      left = 10_000 + below(30_000);
    }
    position[row] = uniform() < 0.9 ? hot[below(hot.length)] : below(65_536);
  }
  return { position, changes };
}
