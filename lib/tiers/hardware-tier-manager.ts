/** Finds out which tiers this machine has and settles which ones are used, and how much of each. */

import { invalidType, invalidValue, TierError } from '../errors.ts';
import { chunkBytes, nativeBinding, requireNative } from '../native.ts';
import { accessPatterns } from '../policy/policy.ts';
import { parseByteSize } from './byte-size.ts';
import { type CalibrateOptions, calibrateTiers, type TierCalibration } from './calibrate-tiers.ts';
import { CapacityBudget, usableMemoryBytes } from './capacity.ts';
import { detectTiers } from './classify.ts';
import { fixedBackends } from './fixed-backends.ts';
import type { MachineDescription } from './machine-description.ts';
import { checkKeys, checkObject, checkOneOf, checkPath } from './option-checks.ts';
import { type PolicySettings, readPolicyFile } from './policy-file.ts';
import {
  defaultTiers,
  type ResolveContext,
  type ResolvedTier,
  resolveTier,
} from './resolve-tiers.ts';
import { sizeTiers } from './size-tiers.ts';
import { type Limit, type Tier, tierNames } from './tier.ts';
import { chooseTier, type TierRequest } from './tier-choice.ts';
import { absentTier, machineLimits } from './tier-limits.ts';
import { type CheckedTierOptions, checkTierOptions, type TierOptions } from './tier-options.ts';
import { systemProbe, type TierProbe } from './tier-probe.ts';
import { composeSpec } from './tier-spec.ts';

/** Options of {@link HardwareTierManager.detect}. */
export interface DetectOptions {
  /** Use this description instead of looking at the machine. */
  readonly machine?: MachineDescription | null;
  /** Exactly the tiers to use. Without them, the real ones are used with a share of what is free. */
  readonly tiers?: readonly TierOptions[];
  /** Directory for L4_NVME when the tier itself names none. */
  readonly directory?: string;
  /** JSON file with policy and tier settings. The other options win over it. */
  readonly policyFile?: string;
  /** What detection asks of the running system. For tests. */
  readonly probe?: TierProbe;
}

const detectKeys = ['machine', 'tiers', 'directory', 'policyFile', 'probe'] as const;
const requestKeys = ['tierHint', 'numaNode', 'accessPattern'] as const;
interface State {
  readonly machine: MachineDescription | null;
  readonly tiers: readonly Tier[];
  readonly available: readonly Tier[];
  readonly limits: readonly Limit[];
  readonly policy: PolicySettings | undefined;
}

interface Described {
  readonly machine: MachineDescription | null;
  readonly limits: readonly Limit[];
}

function undescribed(reason: string, hint: string): Described {
  return { machine: null, limits: [{ what: 'Only simulated tiers are used', reason, hint }] };
}

function describeMachine(given: MachineDescription | null | undefined): Described {
  if (given === null) {
    return undescribed('The caller gave no machine', 'Leave `machine` out to have it described.');
  }
  if (given !== undefined) return { machine: given, limits: machineLimits(given) };
  const native = nativeBinding();
  if (native instanceof TierError) {
    // The loader lists what it tried, a line each.
    const reason = native.message.replace(/\s+/g, ' ').trim();
    return undescribed(reason, native.hint ?? 'Build the native part with `npm run build:native`.');
  }
  const machine = native.describeMachine('');
  return { machine, limits: machineLimits(machine) };
}

/** Everything detected, each entry as if it alone were used with its default share. */
function sizeAvailable(context: ResolveContext, memoryBytes: number): Tier[] {
  return context.detected.flatMap(({ name, kind, sources, figures, driveBytes, evidence }) => {
    const spec = composeSpec(name, figures, undefined, driveBytes);
    const tier = { name, kind, sources, spec, evidence };
    return sizeTiers([tier], new CapacityBudget(context.machine, memoryBytes)).tiers;
  });
}

/**
 * The tiers of this machine, fastest first.
 *
 * Nothing is allocated by detecting, and nothing about a tier changes afterwards but its figures, by
 * {@link calibrate}.
 *
 * @example
 * ```ts
 * const manager = HardwareTierManager.detect();
 * for (const { name, kind, capacityBytes } of manager.tiers) console.log(name, kind, capacityBytes);
 * for (const { what, reason, hint } of manager.limits) console.log(what, reason, hint);
 * ```
 */
export class HardwareTierManager {
  #state: State;

  private constructor(state: State) {
    this.#state = state;
  }

  /**
   * Looks at the machine and settles the tiers. A tier that is absent is reported in {@link limits}.
   *
   * @throws TypeError or RangeError for options that make no sense; TierError `ERR_TIER_CONFIG` for a
   * malformed policy file, `ERR_TIER_UNAVAILABLE` or `ERR_TIER_NO_PERMISSION` for a directory that cannot
   * be used, `ERR_TIER_FULL` when a tier that was asked for gets nothing
   */
  static detect(options: DetectOptions = {}): HardwareTierManager {
    checkKeys('options', checkObject('options', options), detectKeys);
    const asked =
      options.tiers === undefined ? undefined : checkTierOptions('options.tiers', options.tiers);
    const file =
      options.policyFile === undefined
        ? undefined
        : readPolicyFile(checkPath('options.policyFile', options.policyFile));
    const directory =
      options.directory === undefined
        ? file?.directory
        : checkPath('options.directory', options.directory);
    const { machine, limits } = describeMachine(options.machine);

    const probe = options.probe ?? systemProbe();
    const detected = machine === null ? [] : detectTiers(machine, probe);
    const context: ResolveContext = { machine, detected, probe, directory };
    const memoryBytes =
      machine === null || machine.nodes.length === 0
        ? probe.memoryBytes
        : usableMemoryBytes(machine);
    const settled = settle(asked ?? file?.tiers, context, memoryBytes);
    return new HardwareTierManager({
      machine,
      tiers: settled.tiers,
      available: sizeAvailable(context, memoryBytes),
      limits: [...limits, ...settled.limits],
      policy: file?.policy,
    });
  }

  /** What the machine looks like; `null` where the native part cannot be loaded. */
  get machine(): MachineDescription | null {
    return this.#state.machine;
  }

  /** The tiers in use, fastest first. */
  get tiers(): readonly Tier[] {
    return this.#state.tiers;
  }

  /** Everything detected, with the capacity each would have alone. Several entries may share a name. */
  get available(): readonly Tier[] {
    return this.#state.available;
  }

  /** What cannot be done here, why, and what helps. */
  get limits(): readonly Limit[] {
    return this.#state.limits;
  }

  /** The policy that the policy file asks for. */
  get policy(): PolicySettings | undefined {
    return this.#state.policy;
  }

  /**
   * The tier for `bytes` of new data, by capacity and figures; how full tiers are is not looked at.
   *
   * Without a hint: `random` and `strided` data go where a load is quickest, `sequential` where bytes
   * stream quickest, `write-mostly` where stores are quickest, `one-touch` to the slowest tier, anything
   * else to the fastest tier.
   *
   * @throws TypeError or RangeError for a request that makes no sense, TierError `ERR_TIER_FULL` when no
   * tier is large enough
   */
  selectTier(bytes: number, request: TierRequest = {}): Tier {
    if (typeof bytes !== 'number') throw invalidType('bytes', 'a number', bytes);
    if (!Number.isSafeInteger(bytes) || bytes < 0) {
      throw invalidValue('bytes', 'a whole number of bytes, 0 or more', bytes);
    }
    checkKeys('request', checkObject('request', request), requestKeys);
    const { tierHint, numaNode, accessPattern } = request;
    if (tierHint !== undefined) checkOneOf('request.tierHint', tierHint, tierNames);
    if (accessPattern !== undefined) {
      checkOneOf('request.accessPattern', accessPattern, accessPatterns);
    }
    if (numaNode !== undefined && (!Number.isInteger(numaNode) || numaNode < 0)) {
      throw invalidValue('request.numaNode', 'a NUMA node number, 0 or more', numaNode);
    }
    return chooseTier(this.tiers, this.machine, bytes, request);
  }

  /**
   * Measures the real tiers in use and replaces their figures, but for those the user set. Takes about
   * `durationMs` per backend; the memory used is given back.
   *
   * @throws TierError `ERR_TIER_NATIVE` where the native part cannot be loaded
   */
  async calibrate(options: CalibrateOptions = {}): Promise<readonly TierCalibration[]> {
    checkKeys('options', checkObject('options', options), ['bytes', 'durationMs']);
    const { durationMs = 1000 } = options;
    const bytes = parseByteSize('options.bytes', options.bytes ?? 256 * 2 ** 20);
    if (bytes < chunkBytes) throw invalidValue('options.bytes', 'at least 2 MiB', bytes);
    if (typeof durationMs !== 'number')
      throw invalidType('options.durationMs', 'a number', durationMs);
    if (!(durationMs > 0 && durationMs <= 60_000)) {
      throw invalidValue('options.durationMs', 'between 0 and 60000', durationMs);
    }
    const cacheBytes = this.machine?.lastLevelCacheBytes ?? 0;
    const result = await calibrateTiers(requireNative(), this.tiers, cacheBytes, {
      bytes,
      durationMs,
    });
    this.#state = { ...this.#state, tiers: result.tiers };
    return result.calibrations;
  }
}

function settle(
  asked: readonly CheckedTierOptions[] | undefined,
  context: ResolveContext,
  memoryBytes: number,
): { readonly tiers: readonly Tier[]; readonly limits: readonly Limit[] } {
  const fixed: Tier[] = [];
  const fixedLimits: Limit[] = [];
  const resolved: ResolvedTier[] = [];
  for (const options of asked ?? []) {
    if (options.backends === undefined || context.machine === null) {
      resolved.push(resolveTier(options, context));
      continue;
    }
    const { tier, limits } = fixedBackends(options, options.backends, context);
    fixed.push(tier);
    fixedLimits.push(...limits);
  }
  if (asked === undefined) resolved.push(...defaultTiers(context));
  const sized = sizeTiers(
    resolved.map(({ tier }) => tier),
    new CapacityBudget(context.machine, memoryBytes),
  );
  const tiers = [...sized.tiers, ...fixed].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (tiers.length === 0) {
    throw new TierError('ERR_TIER_FULL', 'There is not enough free memory for any tier', {
      hint: 'Free memory or raise the container limit.',
    });
  }
  const limits = [...resolved.flatMap((tier) => tier.limits), ...sized.limits, ...fixedLimits];
  if (asked === undefined && context.machine !== null) {
    for (const name of tierNames) {
      const known =
        tiers.some((tier) => tier.name === name) ||
        sized.limits.some(({ what }) => what.startsWith(name));
      if (!known) limits.push(absentTier(name, context.machine, context.probe.temporaryDirectory));
    }
  }
  return { tiers, limits };
}
