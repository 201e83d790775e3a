/** The options of `advise` that are not plain words: tiers with their prices and figures. */

import type { PricedTier } from '../advise/candidates.ts';
import { nearestWord } from '../tiers/option-checks.ts';
import { type TierName, tierNames } from '../tiers/tier.ts';
import { defaultSpecs } from '../tiers/tier-defaults.ts';
import { UsageError } from './command.ts';

/** What any server can be bought with: HBM comes with the processor, and persistent memory is out of production. */
export const defaultTiers: readonly TierName[] = ['L1_DDR', 'L2_CXL', 'L4_NVME'];

function tierNamed(text: string, option: string): TierName {
  const name = tierNames.find((known) => known === text);
  if (name !== undefined) return name;
  const guess = nearestWord(text, tierNames);
  throw new UsageError(
    `--${option}: there is no tier "${text}".`,
    guess === undefined ? `The tiers are ${tierNames.join(', ')}.` : `Did you mean "${guess}"?`,
  );
}

/** A number above 0. `undefined` stays so. Throws {@link UsageError}. */
export function positiveOption(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || !(value > 0 && value < Number.POSITIVE_INFINITY)) {
    throw new UsageError(`--${name} must be a number above 0, not "${text}".`);
  }
  return value;
}

/** `NAME=NUMBER` options as a table. */
function byTier(option: string, texts: readonly string[]): Map<TierName, number> {
  const values = new Map<TierName, number>();
  for (const text of texts) {
    const [head, value, ...more] = text.split('=');
    if (value === undefined || more.length > 0) {
      throw new UsageError(`--${option} ${text}: write TIER=NUMBER, e.g. L1_DDR=3.5.`);
    }
    const name = tierNamed(head, option);
    if (values.has(name)) throw new UsageError(`--${option} ${name} is given twice.`);
    values.set(name, positiveOption(`${option} ${name}`, value)!);
  }
  return values;
}

/** What the tiers are made of. */
export interface TierTexts {
  /** Names with commas between; `undefined`: {@link defaultTiers}. */
  readonly tiers: string | undefined;
  readonly price: readonly string[];
  readonly latency: readonly string[];
}

/**
 * The tiers to choose from, fastest first. Default prices are relative to DDR: a price for `L1_DDR` gives all others
 * their unit. Throws {@link UsageError}.
 */
export function pricedTiers({ tiers, price, latency }: TierTexts): PricedTier[] {
  const names =
    tiers === undefined ? defaultTiers : tiers.split(',').map((n) => tierNamed(n, 'tiers'));
  if (new Set(names).size < names.length) throw new UsageError('--tiers names a tier twice.');
  const prices = byTier('price', price);
  const latencies = byTier('latency', latency);
  for (const [option, given] of [
    ['price', prices],
    ['latency', latencies],
  ] as const) {
    const unused = [...given.keys()].find((name) => !names.includes(name) && name !== 'L1_DDR');
    if (unused !== undefined) {
      throw new UsageError(`--${option} ${unused}: --tiers does not name it.`);
    }
  }
  const ddr = prices.get('L1_DDR');
  const unpriced = names.find((name) => !prices.has(name));
  if (prices.size > 0 && ddr === undefined && unpriced !== undefined) {
    throw new UsageError(
      `--price ${unpriced} is missing: default prices are relative to DDR.`,
      `Give all prices in one unit, or at least that of L1_DDR.`,
    );
  }
  return tierNames
    .filter((name) => names.includes(name))
    .map((name) => {
      const spec = defaultSpecs[name];
      const ns = latencies.get(name);
      return {
        name,
        readLatencyNs: ns ?? spec.readLatencyNs.value,
        writeLatencyNs: ns ?? spec.writeLatencyNs.value,
        readBytesPerSecond: spec.readBytesPerSecond.value,
        writeBytesPerSecond: spec.writeBytesPerSecond.value,
        costPerGiBMonth: prices.get(name) ?? spec.costPerGiBMonth.value * (ddr ?? 1),
      };
    });
}
