/** What a caller may say about a tier, and the check that it makes sense before any hardware is looked at. */

import { invalidType, invalidValue } from '../errors.ts';
import { checkBackends } from './backend-options.ts';
import { parseByteSize } from './byte-size.ts';
import { checkKeys, checkObject, checkOneOf, checkPath } from './option-checks.ts';
import { type BackendConfig, budgetStepBytes, type TierName, tierNames } from './tier.ts';

/** Figures the caller knows better. They win over every other source. */
export interface TierSpecOptions {
  readonly readLatencyNs?: number;
  readonly writeLatencyNs?: number;
  readonly readBytesPerSecond?: number;
  readonly writeBytesPerSecond?: number;
  /** Relative to DDR (= 1). */
  readonly costPerGiBMonth?: number;
  /**
   * Bytes a day that may be written to the tier's drive, its endurance: see {@link TierSpec.writeBytesPerDay}. Migration
   * keeps within it; the program's own writes count and are never refused. `Infinity` lifts the limit.
   *
   * @default 0.3 times the size of the physical NVMe drive below `directory`; else no limit
   */
  readonly writeBytesPerDay?: number;
}

/** One tier the caller wants. */
export interface TierOptions {
  readonly name: TierName;
  /**
   * The most to put there: bytes, or a size such as `'64MiB'` or `'1GB'`; at least 64 KiB.
   *
   * @default a share of what is free
   */
  readonly capacityBytes?: number | string;
  /**
   * `auto` uses the hardware when it is there and ordinary memory when it is not; `simulated` always uses
   * ordinary memory.
   *
   * @default 'auto'
   */
  readonly kind?: 'auto' | 'simulated';
  /** Use the memory of this NUMA node. With `kind: 'simulated'` the node stands in for the tier. */
  readonly node?: number;
  /**
   * Keep the tier in a file in this directory (L3_PMEM and L4_NVME only). `'auto'` picks a writable mount of
   * a local drive.
   */
  readonly directory?: string;
  /** Use this dax device, e.g. `/dev/dax0.0`. What it holds is overwritten. */
  readonly devicePath?: string;
  /** Use exactly these backends instead of what would be detected. */
  readonly backends?: readonly BackendConfig[];
  readonly spec?: TierSpecOptions;
}

/** {@link TierOptions} after {@link checkTierOptions}: sizes in bytes, `kind` settled. */
export interface CheckedTierOptions extends Omit<TierOptions, 'capacityBytes' | 'kind'> {
  readonly capacityBytes?: number;
  readonly kind: 'auto' | 'simulated';
}

const tierKeys = [
  'name',
  'capacityBytes',
  'kind',
  'node',
  'directory',
  'devicePath',
  'backends',
  'spec',
] as const satisfies readonly (keyof TierOptions)[];

/** Names of the figures of a tier. */
export const specKeys: readonly (keyof TierSpecOptions)[] = [
  'readLatencyNs',
  'writeLatencyNs',
  'readBytesPerSecond',
  'writeBytesPerSecond',
  'costPerGiBMonth',
  'writeBytesPerDay',
];

const directoryTiers: readonly TierName[] = ['L3_PMEM', 'L4_NVME'];
const deviceTiers: readonly TierName[] = ['L0_HBM', 'L2_CXL', 'L3_PMEM'];

function checkSpec(name: string, value: unknown): TierSpecOptions {
  const spec = checkObject(name, value);
  checkKeys(name, spec, specKeys);
  for (const key of specKeys) {
    const figure = spec[key];
    if (figure === undefined) continue;
    if (typeof figure !== 'number') throw invalidType(`${name}.${key}`, 'a number', figure);
    const lowest = key === 'costPerGiBMonth' ? figure >= 0 : figure > 0;
    const endless = key === 'writeBytesPerDay' && figure === Infinity;
    if (!(Number.isFinite(figure) || endless) || !lowest) {
      throw invalidValue(`${name}.${key}`, 'a positive, finite number', figure);
    }
  }
  return spec as TierSpecOptions;
}

function checkNode(name: string, value: unknown): number {
  if (typeof value !== 'number') throw invalidType(name, 'a NUMA node number', value);
  if (!Number.isInteger(value) || value < 0) {
    throw invalidValue(name, 'a NUMA node number, 0 or more', value);
  }
  return value;
}

function checkExclusive(name: string, options: Readonly<Record<string, unknown>>): void {
  const sources = ['node', 'directory', 'devicePath', 'backends'].filter(
    (key) => options[key] !== undefined,
  );
  if (sources.length > 1) {
    throw invalidValue(name, `given only one of ${sources.join(' and ')}`, sources.join(', '));
  }
  const [source] = sources;
  if (options.kind === 'simulated' && source !== undefined && source !== 'node') {
    throw invalidValue(`${name}.${source}`, "absent when kind is 'simulated'", options[source]);
  }
}

function checkTier(name: string, value: unknown): CheckedTierOptions {
  const options = checkObject(name, value);
  checkKeys(name, options, tierKeys);
  const tier = checkOneOf(`${name}.name`, options.name, tierNames);
  const kind = checkOneOf(`${name}.kind`, options.kind ?? 'auto', ['auto', 'simulated'] as const);
  checkExclusive(name, options);
  const checked: { -readonly [Key in keyof CheckedTierOptions]: CheckedTierOptions[Key] } = {
    name: tier,
    kind,
  };
  if (options.capacityBytes !== undefined) {
    const bytes = parseByteSize(`${name}.capacityBytes`, options.capacityBytes);
    if (bytes < budgetStepBytes) {
      throw invalidValue(`${name}.capacityBytes`, 'at least 64 KiB', options.capacityBytes);
    }
    checked.capacityBytes = bytes;
  }
  if (options.node !== undefined) checked.node = checkNode(`${name}.node`, options.node);
  if (options.directory !== undefined) {
    checked.directory = checkPath(`${name}.directory`, options.directory);
    if (!directoryTiers.includes(tier)) {
      throw invalidValue(
        `${name}.directory`,
        `absent for ${tier}, which is memory`,
        options.directory,
      );
    }
  }
  if (options.devicePath !== undefined) {
    checked.devicePath = checkPath(`${name}.devicePath`, options.devicePath);
    if (!deviceTiers.includes(tier)) {
      throw invalidValue(`${name}.devicePath`, `absent for ${tier}`, options.devicePath);
    }
  }
  if (options.backends !== undefined) {
    checked.backends = checkBackends(`${name}.backends`, options.backends);
  }
  if (options.spec !== undefined) checked.spec = checkSpec(`${name}.spec`, options.spec);
  return checked;
}

/**
 * Checks a list of tiers and returns it fastest tier first.
 *
 * @param name - what the list is called in messages, e.g. `options.tiers`
 * @throws TypeError or RangeError naming the option at fault, e.g. `options.tiers[1].capacityBytes`
 */
export function checkTierOptions(name: string, value: unknown): CheckedTierOptions[] {
  if (!Array.isArray(value)) throw invalidType(name, 'an array of tiers', value);
  if (value.length === 0) throw invalidValue(name, 'a list of at least one tier', '[]');
  const tiers = value.map((tier, index) => checkTier(`${name}[${index}]`, tier));
  for (const [index, tier] of tiers.entries()) {
    if (tiers.findIndex((other) => other.name === tier.name) !== index) {
      throw invalidValue(`${name}[${index}].name`, 'named once in the list', tier.name);
    }
  }
  return tiers.sort((a, b) => tierNames.indexOf(a.name) - tierNames.indexOf(b.name));
}
