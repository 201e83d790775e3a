/** `--tier NAME=SIZE|SHARE%[,SETTING…]`: tiers that are only modelled, for commands without real memory. */

import type { ModelledTier } from '../simulation/modelled-store.ts';
import { parseByteSize } from '../tiers/byte-size.ts';
import { nearestWord } from '../tiers/option-checks.ts';
import { type TierName, tierNames } from '../tiers/tier.ts';
import { defaultSpecs } from '../tiers/tier-defaults.ts';
import { type OptionSpec, UsageError } from './command.ts';

/** Put this under `tier` in a command's options. */
export const modelledTierOption: OptionSpec & { readonly type: 'string'; readonly multiple: true } =
  {
    type: 'string',
    multiple: true,
    placeholder: 'NAME=SIZE[,SETTING…]',
    help:
      `A tier and its budget: a size (64MiB) or a share of all objects (10%). Names: ${tierNames.join(', ')}. ` +
      'The slowest may do without a budget: it takes what is left. Settings: latency=NS, bandwidth=BYTES/s ' +
      '(each also as read-… or write-…), cost=N (per GiB and month, DDR = 1), endurance=BYTES/day (what moves and ' +
      'writes together may write to it; no limit without it); other defaults are the figures of "memory-tiers ' +
      'topology". Repeatable.',
  };

/** A tier whose budget may still depend on the workload. */
export interface ModelledTierOptions {
  readonly tier: Omit<ModelledTier, 'capacityBytes'>;
  /** Absent: whatever is left. */
  readonly budget: { readonly bytes: number } | { readonly share: number } | undefined;
}

type Figures = {
  -readonly [K in keyof Omit<ModelledTier, 'name' | 'capacityBytes'>]: ModelledTier[K];
};

const latencies = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6 } as const;

function latencyNs(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ns|us|µs|ms)?$/.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * latencies[(match[2] ?? 'ns') as keyof typeof latencies];
}

function bytesEach(period: RegExp): (text: string) => number | undefined {
  return (text) => {
    try {
      return parseByteSize('bytes', text.replace(period, ''));
    } catch {
      return undefined;
    }
  };
}

function cost(text: string): number | undefined {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

interface SettingForm {
  readonly figures: readonly (keyof Figures)[];
  /** Undefined for what cannot be understood. */
  readonly parse: (text: string) => number | undefined;
  readonly expected: string;
}

const latency = { parse: latencyNs, expected: 'nanoseconds or a time such as 80us' };
const bandwidth = { parse: bytesEach(/\/s$/i), expected: 'bytes a second such as 100GB/s' };
const endurance = { parse: bytesEach(/\/(d|day)$/i), expected: 'bytes a day such as 500GB/day' };
const settingForms: Readonly<Record<string, SettingForm>> = {
  latency: { figures: ['readLatencyNs', 'writeLatencyNs'], ...latency },
  'read-latency': { figures: ['readLatencyNs'], ...latency },
  'write-latency': { figures: ['writeLatencyNs'], ...latency },
  bandwidth: { figures: ['readBytesPerSecond', 'writeBytesPerSecond'], ...bandwidth },
  'read-bandwidth': { figures: ['readBytesPerSecond'], ...bandwidth },
  'write-bandwidth': { figures: ['writeBytesPerSecond'], ...bandwidth },
  cost: { figures: ['costPerGiBMonth'], parse: cost, expected: 'a number' },
  endurance: { figures: ['writeBytesPerDay'], ...endurance },
};

function applySetting(figures: Figures, text: string, argument: string): void {
  const equals = text.indexOf('=');
  const key = equals < 0 ? text : text.slice(0, equals);
  const form = Object.hasOwn(settingForms, key) ? settingForms[key] : undefined;
  if (form === undefined) {
    const guess = nearestWord(key, Object.keys(settingForms));
    throw new UsageError(
      `--tier ${argument}: there is no setting "${key}".`,
      guess === undefined
        ? `The settings are ${Object.keys(settingForms).join(', ')}.`
        : `Did you mean "${guess}="?`,
    );
  }
  const value = form.parse(equals < 0 ? '' : text.slice(equals + 1));
  const positive = value !== undefined && (value > 0 || (key === 'cost' && value === 0));
  if (!positive) throw new UsageError(`--tier ${argument}: ${key}= needs ${form.expected}.`);
  for (const figure of form.figures) figures[figure] = value;
}

function budgetOf(text: string, argument: string): NonNullable<ModelledTierOptions['budget']> {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text);
  if (percent !== null && Number(percent[1]) > 0) return { share: Number(percent[1]) / 100 };
  try {
    return { bytes: parseByteSize('budget', text) };
  } catch {
    throw new UsageError(
      `--tier ${argument}: "${text}" is not a budget.`,
      'Budgets are bytes, e.g. 64MiB, 1.5GiB, 2GB, or a share of all objects, e.g. 10%.',
    );
  }
}

function nameOf(text: string, argument: string): TierName {
  const name = tierNames.find((known) => known === text);
  if (name !== undefined) return name;
  const guess = nearestWord(text, tierNames);
  throw new UsageError(
    `--tier ${argument}: there is no tier "${text}".`,
    guess === undefined ? `The tiers are ${tierNames.join(', ')}.` : `Did you mean "${guess}"?`,
  );
}

function parseOne(argument: string): ModelledTierOptions {
  // A colon does as well, as for tiers with real memory.
  const [head, ...settings] = argument.split(/[,:]/);
  const equals = head.indexOf('=');
  const name = nameOf(equals < 0 ? head : head.slice(0, equals), argument);
  const spec = defaultSpecs[name];
  const figures: Figures = {
    readLatencyNs: spec.readLatencyNs.value,
    writeLatencyNs: spec.writeLatencyNs.value,
    readBytesPerSecond: spec.readBytesPerSecond.value,
    writeBytesPerSecond: spec.writeBytesPerSecond.value,
    costPerGiBMonth: spec.costPerGiBMonth.value,
  };
  for (const text of settings) applySetting(figures, text, argument);
  const budget = equals < 0 ? undefined : budgetOf(head.slice(equals + 1), argument);
  return { tier: { name, ...figures }, budget };
}

/** Parses all `--tier` options and sorts them, fastest first by name. Throws {@link UsageError}. */
export function parseModelledTiers(texts: readonly string[]): ModelledTierOptions[] {
  if (texts.length === 0) {
    throw new UsageError(
      'At least one --tier is needed.',
      'E.g. --tier L1_DDR=10% --tier L2_CXL=30% --tier L4_NVME.',
    );
  }
  const tiers = texts.map(parseOne);
  const rank = ({ tier }: ModelledTierOptions): number => tierNames.indexOf(tier.name);
  tiers.sort((a, b) => rank(a) - rank(b));
  for (const [index, { tier, budget }] of tiers.entries()) {
    if (index > 0 && tiers[index - 1].tier.name === tier.name) {
      throw new UsageError(`--tier ${tier.name} is given twice.`);
    }
    if (budget === undefined && index < tiers.length - 1) {
      throw new UsageError(
        `--tier ${tier.name}: only the slowest tier may do without a budget.`,
        `Write e.g. --tier ${tier.name}=10%.`,
      );
    }
  }
  return tiers;
}

/** Whether budgets depend on the size of all objects. */
export function needsFootprint(tiers: readonly ModelledTierOptions[]): boolean {
  return tiers.some(({ budget }) => budget !== undefined && 'share' in budget);
}

/** The tiers with budgets in bytes; without a budget that is `Infinity`. */
export function sizedTiers(
  tiers: readonly ModelledTierOptions[],
  footprintBytes: number,
): ModelledTier[] {
  return tiers.map(({ tier, budget }) => {
    if (budget === undefined) return { ...tier, capacityBytes: Infinity };
    const capacityBytes = 'bytes' in budget ? budget.bytes : budget.share * footprintBytes;
    return { ...tier, capacityBytes };
  });
}
