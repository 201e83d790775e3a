/** Options of the facade, and the check that they make sense before anything is done with them. */

import { invalidType, invalidValue } from './errors.ts';
import type { DamagedUnit } from './memory/damage-book.ts';
import type { HotnessSourceKind } from './memory/hotness-binding.ts';
import { hotnessSourceKinds } from './memory/hotness-ladder.ts';
import type { InterleaveRequest } from './memory/interleaved-run.ts';
import type { TrackingSettings } from './memory/kernel-hotness.ts';
import { checkKey, type Key } from './memory/key-arena.ts';
import { checkPlacement, type PlacementOptions } from './memory/placement.ts';
import type { PrefetchSettings } from './memory/prefetcher.ts';
import type { Decision } from './migration/decision.ts';
import type { MoveRecord } from './migration/engine-stats.ts';
import { chunkBytes } from './native.ts';
import type { PolicyName } from './policy/policies.ts';
import type { Policy } from './policy/policy.ts';
import { parseByteSize } from './tiers/byte-size.ts';
import type { HardwareTierManager } from './tiers/hardware-tier-manager.ts';
import type { TierOptions } from './tiers/tier-options.ts';

/** How accesses through the live views of regions are found out. */
export interface TrackingOptions {
  /**
   * CPU time it may cost, as a share of one core: it looks less often, or at a part at a time, until it is within it.
   *
   * @default 0.01
   */
  readonly overhead?: number;
  /**
   * The sources that may be used. `write-protect` tells writes from reads, and takes huge pages apart; it is not used
   * unless it is named or the only one.
   *
   * @default the best that work here, see `memory-tiers topology`
   */
  readonly sources?: readonly HotnessSourceKind[];
}

/** Options of `TieredMemory.open`. */
export interface OpenOptions {
  /**
   * The tiers to use. A tier whose hardware is not here is simulated in ordinary memory, and says so.
   *
   * @default the real tiers of this machine, each with a share of what is free
   */
  readonly tiers?: readonly TierOptions[];
  /**
   * A policy by name, or your own. Where tiers are on several nodes, those with a name choose the node, too; wrap your
   * own in `nearUser` if it is to.
   *
   * @default the policy file's, else 'balanced'
   */
  readonly policy?: PolicyName | Policy;
  /** JSON file with policy and tiers; the options here win over it. */
  readonly policyFile?: string;
  /** Directory of the L4_NVME tier when `tiers` does not name one. */
  readonly directory?: string;
  /**
   * Migrate in the background, every `intervalMs` (default 1000). The timer keeps no process alive.
   *
   * @default true
   */
  readonly background?: boolean | { readonly intervalMs: number };
  /**
   * Longest time that migration, evacuation, `verify`, `checkpoint` and `restore` may hold the main thread before they
   * let others run, in microseconds. What they really took is in `stats().mainThread`.
   *
   * @default 200
   */
  readonly mainThreadBudgetUs?: number;
  /** Most bytes that background migration moves in a second. @default as the engine's */
  readonly bytesPerSecond?: number;
  /**
   * Units a plan considers: those accessed since the last one, and others in turn. More make better plans
   * and longer pauses.
   *
   * @default 4096
   */
  readonly maxUnits?: number;
  /**
   * Keep a checksum of everything stored, unless `store` says otherwise.
   *
   * @default false
   */
  readonly verify?: boolean;
  /**
   * Called once for every value or region found damaged, soon after: when it is read, moved, looked for by
   * `verify()`, or when a plan is made. What it throws is counted only.
   */
  readonly onDamage?: (damage: DamagedUnit) => void;
  /**
   * Read ahead of the program on tiers of files: what its accesses, in address order or a constant stride apart, and
   * reports by `region.touch`, show that it will need. `maxBytes` bounds what is on its way at once (default 16 MiB); a
   * stream is read at most 8 MiB ahead. With `false` only what `prefetch` names is read.
   *
   * @default true
   */
  readonly prefetch?: boolean | { readonly maxBytes: number | string };
  /**
   * Ask the kernel which chunks of regions are used, so that they move without `region.touch`. Off the main thread,
   * and not before there is a region; see `stats().tracking`. With `false` only what is reported counts.
   *
   * @default true
   */
  readonly tracking?: boolean | TrackingOptions;
  /** Called after every move that was tried, with its reason and outcome. What it throws is counted only. */
  readonly onMove?: (move: MoveRecord) => void;
  /**
   * Called with every plan and all it was made from, before its moves are tried: `DecisionLog` writes them to a file
   * for `memory-tiers decisions`. Copy what you keep: the columns of the snapshot are used again. What it throws is
   * counted only.
   */
  readonly onDecision?: (decision: Decision) => void;
  /** Use this detection instead of a fresh one. */
  readonly manager?: HardwareTierManager;
}

/** Options of `TieredMemory.store`. */
export interface StoreOptions extends PlacementOptions {
  /** Name to find the data by. A value already under it is replaced. */
  readonly key?: Key;
  /**
   * Keep a checksum, and check it whenever the data is read, leased, borrowed or moved: what is not what was written
   * is an `ERR_TIER_CORRUPT` and never returned. Costs about 0.3 ns a byte each time, and 4 bytes of memory.
   *
   * @default what `open` was told, else false
   */
  readonly verify?: boolean;
}

/** Options of `TieredMemory.allocate`. */
export interface AllocateOptions extends PlacementOptions {
  /**
   * You promise that only this thread touches the region's view, and no asynchronous I/O but under a pin. Matters
   * where `stats().migration.mode` is `stop-the-world`: there its chunks may then also move between memory and files;
   * without it they move between memory nodes only.
   *
   * @default false
   */
  readonly ownerThreadOnly?: boolean;
  /**
   * Spread the region over several nodes, for buffers that need more bandwidth than one node has. `true`: in equal
   * shares; `'bandwidth'`: by what each node carries, as measured or as the firmware says; `{ 0: 3, 4: 1 }`: by these
   * weights, on these nodes, be they of other tiers. Otherwise over all backends of the tier, or over the nodes of
   * `numaNode` when that is a list. The shares are exact to a stripe; `region.interleaving` tells what was done.
   *
   * From 32 MiB on whole chunks of 2 MiB are dealt out, and move like any others. A smaller region, or one with
   * `stripeBytes` below 2 MiB, is dealt out by the page, and stays where it is; its pages are brought in at once, some
   * 0.35 ms per MiB, where the kernel's own interleaving does not give the shares.
   *
   * @default false
   */
  readonly interleave?: boolean | 'bandwidth' | Readonly<Record<number, number>>;
  /**
   * Of an interleaved region: bytes on one node before the next, a power of two from 4096 to 2 MiB.
   *
   * @default a page below 32 MiB, else 2 MiB
   */
  readonly stripeBytes?: number | string;
}

/** Options of `TieredMemory.optimizePlacement`. */
export interface OptimizePlacementOptions {
  /** Plan, but move nothing. @default false */
  readonly dryRun?: boolean;
  /** Name the units that stay, each with its reason and figures; else they are only counted. @default false */
  readonly explain?: boolean;
  /** Stops between two moves; what was moved stays moved. */
  readonly signal?: AbortSignal;
}

/** Options of {@link TieredMemory.checkpoint}. */
export interface CheckpointOptions {
  /** Gives it up: rejects with the signal's reason, and an earlier checkpoint stays. */
  readonly signal?: AbortSignal;
}

/** Options of `TieredMemory.verify`. */
export interface VerifyOptions {
  /** Ends it early; what was found until then is reported. */
  readonly signal?: AbortSignal;
}

const openKeys = [
  'tiers',
  'policy',
  'policyFile',
  'directory',
  'background',
  'mainThreadBudgetUs',
  'bytesPerSecond',
  'maxUnits',
  'verify',
  'onDamage',
  'onMove',
  'onDecision',
  'tracking',
  'prefetch',
  'manager',
];

/** Throws `ERR_INVALID_ARG_*` for options of `open` that make no sense. */
export function checkOpen(options: OpenOptions): OpenOptions {
  if (typeof options !== 'object' || options === null)
    throw invalidType('options', 'an object', options);
  for (const key of Object.keys(options)) {
    if (!openKeys.includes(key))
      throw invalidValue('options', `made of ${openKeys.join(', ')}`, key);
  }
  const { policy, background, mainThreadBudgetUs, verify, onDamage, onDecision } = options;
  prefetchSettings(options.prefetch);
  trackingSettings(options.tracking);
  if (policy !== undefined && typeof policy !== 'string' && typeof policy?.plan !== 'function') {
    throw invalidType('policy', 'the name of a policy or a Policy', policy);
  }
  if (background !== undefined && typeof background !== 'boolean') {
    const interval = (background as { intervalMs?: unknown } | null)?.intervalMs;
    if (typeof interval !== 'number')
      throw invalidType('background', 'a boolean or { intervalMs }', background);
    if (!(interval >= 1 && interval <= 2 ** 31 - 1)) {
      throw invalidValue('background.intervalMs', 'from 1 to 2147483647', interval);
    }
  }
  if (mainThreadBudgetUs !== undefined && !(mainThreadBudgetUs > 0)) {
    throw invalidValue('mainThreadBudgetUs', 'a positive number', mainThreadBudgetUs);
  }
  checkVerify(verify);
  if (onDecision !== undefined && typeof onDecision !== 'function') {
    throw invalidType('onDecision', 'a function', onDecision);
  }
  if (onDamage !== undefined && typeof onDamage !== 'function') {
    throw invalidType('onDamage', 'a function', onDamage);
  }
  return options;
}

/**
 * What `AllocateOptions.interleave` asks for; undefined for nothing. Throws `ERR_INVALID_ARG_*` when it makes no sense.
 */
export function interleaveRequest(
  options: AllocateOptions,
): Omit<InterleaveRequest, 'firmware'> | undefined {
  const { interleave = false, numaNode } = options;
  const stripeBytes = checkStripe(options.stripeBytes);
  if (interleave === false) {
    if (stripeBytes === undefined) return undefined;
    throw invalidValue('stripeBytes', 'absent without `interleave`', options.stripeBytes);
  }
  if (typeof numaNode === 'number') {
    throw invalidValue('numaNode', 'a list of nodes to interleave over', numaNode);
  }
  if (interleave === true) return { weights: 'equal', nodes: numaNode, stripeBytes };
  if (interleave === 'bandwidth') return { weights: interleave, nodes: numaNode, stripeBytes };
  if (typeof interleave !== 'object' || interleave === null || Array.isArray(interleave)) {
    throw invalidType('interleave', "a boolean, 'bandwidth' or weights by node", interleave);
  }
  if (numaNode !== undefined) {
    throw invalidValue('numaNode', 'absent where `interleave` names the nodes', numaNode);
  }
  const weights = new Map(Object.entries(interleave).map(([node, weight]) => [+node, weight]));
  for (const [node, weight] of weights) {
    if (typeof weight !== 'number') throw invalidType('interleave', 'made of numbers', weight);
    checkPlacement({ numaNode: node });
    if (!(weight > 0 && weight <= 2 ** 31)) {
      throw invalidValue('interleave', 'made of positive weights', weight);
    }
  }
  if (weights.size === 0)
    throw invalidValue('interleave', 'weights of one node at least', interleave);
  return { weights, nodes: [...weights.keys()], stripeBytes };
}

function checkStripe(stripe: AllocateOptions['stripeBytes']): number | undefined {
  if (stripe === undefined) return undefined;
  const bytes = parseByteSize('stripeBytes', stripe);
  if (bytes >= 4096 && bytes <= chunkBytes && Number.isInteger(Math.log2(bytes))) return bytes;
  throw invalidValue('stripeBytes', `a power of two from 4096 to ${chunkBytes}`, stripe);
}

const defaultPrefetchBytes = 16 * 1024 * 1024;
const minPrefetchBytes = 128 * 1024;

/** What `OpenOptions.prefetch` says. Throws `ERR_INVALID_ARG_*` when it makes no sense. */
export function prefetchSettings(prefetch: OpenOptions['prefetch'] = true): PrefetchSettings {
  if (typeof prefetch === 'boolean') return { detect: prefetch, maxBytes: defaultPrefetchBytes };
  if (typeof prefetch !== 'object' || prefetch === null) {
    throw invalidType('prefetch', 'a boolean or { maxBytes }', prefetch);
  }
  const maxBytes = parseByteSize('prefetch.maxBytes', prefetch.maxBytes);
  if (maxBytes >= minPrefetchBytes) return { detect: true, maxBytes };
  throw invalidValue('prefetch.maxBytes', `at least ${minPrefetchBytes}`, prefetch.maxBytes);
}

const defaultOverhead = 0.01;

/** What `OpenOptions.tracking` says, undefined for no tracking. Throws `ERR_INVALID_ARG_*` when it makes no sense. */
export function trackingSettings(
  tracking: OpenOptions['tracking'] = true,
): TrackingSettings | undefined {
  if (tracking === false) return undefined;
  if (tracking === true) return { overhead: defaultOverhead, sources: undefined };
  if (typeof tracking !== 'object' || tracking === null) {
    throw invalidType('tracking', 'a boolean or { overhead, sources }', tracking);
  }
  const { overhead = defaultOverhead, sources } = tracking;
  if (typeof overhead !== 'number') throw invalidType('tracking.overhead', 'a number', overhead);
  if (!(overhead > 0 && overhead <= 1)) {
    throw invalidValue('tracking.overhead', 'above 0, and 1 at most', overhead);
  }
  if (sources === undefined) return { overhead, sources };
  if (!Array.isArray(sources)) throw invalidType('tracking.sources', 'an array', sources);
  const unknown = sources.find((kind) => !hotnessSourceKinds.includes(kind));
  if (unknown === undefined) return { overhead, sources };
  throw invalidValue('tracking.sources', `made of ${hotnessSourceKinds.join(', ')}`, unknown);
}

/** Throws `ERR_INVALID_ARG_*` for options of `store` that make no sense; returns the key. */
export function checkStore(options: StoreOptions): Key | undefined {
  if (typeof options !== 'object' || options === null)
    throw invalidType('options', 'an object', options);
  checkPlacement(options);
  checkVerify(options.verify);
  if (options.key !== undefined) checkKey(options.key);
  return options.key;
}

function checkVerify(verify: unknown): void {
  if (verify !== undefined && typeof verify !== 'boolean') {
    throw invalidType('verify', 'a boolean', verify);
  }
}
