/** The shipped policies by name, made from parameters that may come from a file. */

import { invalidValue } from '../errors.ts';
import { checkKeys, checkObject, nearestWord } from '../tiers/option-checks.ts';
import { balancedDefaults, balancedPolicy } from './balanced.ts';
import { costDefaults, costPolicy } from './cost.ts';
import { firstTouchPolicy } from './first-touch.ts';
import { hememDefaults, hememPolicy } from './hemem.ts';
import { interleavePolicy } from './interleave.ts';
import { latencyBalanced } from './latency-balanced.ts';
import { lfuDefaults, lfuPolicy } from './lfu.ts';
import { lruPolicy } from './lru.ts';
import { memtisPolicy } from './memtis.ts';
import { nearUser } from './near-user.ts';
import { checkParameter } from './parameter.ts';
import type { Policy } from './policy.ts';
import { s3FifoPolicy } from './s3-fifo.ts';
import { staticPolicy } from './static.ts';
import { tinyLfuDefaults, tinyLfuPolicy } from './tiny-lfu.ts';
import { watermarkDefaults, watermarkPolicy } from './watermark.ts';

/** Names of the shipped policies: the default, the one about money, baselines, the default sparing saturated tiers. */
export const policyNames = [
  'balanced',
  'cost',
  'static',
  'first-touch',
  'interleave',
  'lru',
  'lfu',
  'watermark',
  'hemem',
  'memtis',
  'tiny-lfu',
  's3-fifo',
  'latency-balanced',
] as const;

/** One of {@link policyNames}. */
export type PolicyName = (typeof policyNames)[number];

type Given = Readonly<Record<string, unknown>>;
/** Least and greatest value. */
type Range = readonly [number, number];

const turns: Range = [0.1, 1e6];
const uses: Range = [1, 1e6];

/** The parameters that are given, and only those there are. */
function parameters<K extends string>(
  given: Given,
  defaults: Readonly<Record<K, number | undefined>>,
  ranges: Readonly<Record<K, Range>>,
): Partial<Record<K, number>> {
  const keys = Object.keys(ranges) as K[];
  checkKeys('policy', given, keys);
  const values: Partial<Record<K, number>> = {};
  for (const key of keys) {
    if (given[key] === undefined) continue;
    const [min, max] = ranges[key];
    values[key] = checkParameter(given, key, defaults[key] ?? min, min, max);
  }
  return values;
}

function plain(make: () => Policy): (given: Given) => Policy {
  return (given) => {
    checkKeys('policy', given, []);
    return make();
  };
}

const balancedRanges = {
  halfLifeTurns: turns,
  margin: [0, 1e6],
  moveWeight: [0, 1e6],
  horizonShare: [1e-6, 1e6],
} as const;

const factories: Readonly<Record<PolicyName, (given: Given) => Policy>> = {
  balanced: (given) => balancedPolicy(parameters(given, balancedDefaults, balancedRanges)),
  'latency-balanced': (given) => {
    const { maxShiftBytes, ...balanced } = parameters(
      given,
      { ...balancedDefaults, maxShiftBytes: undefined },
      { ...balancedRanges, maxShiftBytes: [1, 1e15] },
    );
    return latencyBalanced(balancedPolicy(balanced), { name: 'latency-balanced', maxShiftBytes });
  },
  cost: (given) =>
    costPolicy(
      parameters(given, costDefaults, {
        slowdown: [1, 1e9],
        percentile: [1, 100],
        costPerMonth: [0, 1e15],
        halfLifeTurns: turns,
        stayHalfLives: [0.01, 1e6],
      }),
    ),
  static: plain(staticPolicy),
  'first-touch': plain(firstTouchPolicy),
  interleave: plain(interleavePolicy),
  lru: plain(lruPolicy),
  lfu: (given) => lfuPolicy(parameters(given, lfuDefaults, { halfLifeTurns: turns })),
  watermark: (given) =>
    watermarkPolicy(parameters(given, watermarkDefaults, { hotUses: uses, lowShare: [0, 1] })),
  hemem: (given) =>
    hememPolicy(parameters(given, hememDefaults, { hotUses: uses, coolUses: uses })),
  memtis: plain(memtisPolicy),
  'tiny-lfu': (given) =>
    tinyLfuPolicy(parameters(given, tinyLfuDefaults, { halfLifeTurns: turns })),
  's3-fifo': plain(s3FifoPolicy),
};

/** Policies that leave everything where it was put. */
const stayPut: readonly string[] = ['static', 'first-touch', 'interleave'];

/**
 * Makes a shipped policy. Those that move data choose its node, too: see `nearUser`.
 *
 * @param given the policy's own parameters; what is left out has its default
 * @throws RangeError for an unknown name, an unknown parameter or a value out of range; TypeError for a wrong type
 */
export function createPolicy(name: PolicyName | (string & {}), given: Given = {}): Policy {
  const factory = Object.hasOwn(factories, name) ? factories[name as PolicyName] : undefined;
  if (factory === undefined) {
    const guess = nearestWord(String(name), policyNames);
    const hint = guess === undefined ? '' : `; did you mean "${guess}"?`;
    throw invalidValue('policy', `one of ${policyNames.join(', ')}${hint}`, name);
  }
  const policy = factory(checkObject('policy', given));
  return stayPut.includes(policy.name) ? policy : nearUser(policy);
}
