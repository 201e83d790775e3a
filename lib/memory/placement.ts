/** Where a new value goes: what the caller asked for, then what the policy admits, then wherever room is. */

import { invalidType, invalidValue } from '../errors.ts';
import {
  type AccessPattern,
  accessPatterns,
  type Policy,
  type TierState,
} from '../policy/policy.ts';
import { type Tier, type TierName, tierNames } from '../tiers/tier.ts';
import type { PlacementOrder } from './object-maker.ts';

/** What the caller may say about where and how data is used. */
export interface PlacementOptions {
  /**
   * The tier to start on. A tier that is not in use stands for the nearest slower one that is, else the
   * nearest faster.
   */
  readonly tierHint?: TierName;
  /**
   * Prefer memory of this NUMA node within the tier, or of any of these; then what is nearest to them. It is where the
   * data begins: without `pinned` it may follow its users to another node.
   *
   * @default near the calling thread
   */
  readonly numaNode?: number | readonly number[];
  /**
   * How the data will be used.
   *
   * @default 'unknown'
   */
  readonly accessPattern?: AccessPattern;
  /**
   * Never move it.
   *
   * @default false
   */
  readonly pinned?: boolean;
}

/** Index of the tier a hint stands for among those in use; -1 without a hint. */
export function hintedTier(tiers: readonly Tier[], hint: TierName | undefined): number {
  if (hint === undefined) return -1;
  const rank = tierNames.indexOf(hint);
  if (rank < 0) throw invalidValue('tierHint', `one of ${tierNames.join(', ')}`, hint);
  const atOrBelow = tiers.findIndex(({ name }) => tierNames.indexOf(name) >= rank);
  return atOrBelow < 0 ? tiers.length - 1 : atOrBelow;
}

/** The most that Linux is built for, less one. */
const maxNode = 1023;

const sizeClasses = 32;

/** Kinds of values: by type, and by size in octaves. */
export const valueKinds: number = 16 * sizeClasses;

/** The kind of a value of so many bytes; `code` is that of its type, 0..15. */
export function valueKind(code: number, bytes: number): number {
  return code * sizeClasses + Math.min(sizeClasses - 1, 32 - Math.clz32(bytes));
}

function isNode(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= maxNode;
}

function checkNodes(numaNode: unknown): void {
  if (isNode(numaNode)) return;
  if (!Array.isArray(numaNode)) {
    throw invalidValue('numaNode', `a node number, 0 to ${maxNode}, or several`, numaNode);
  }
  if (numaNode.length === 0) throw invalidValue('numaNode', 'one node at least', numaNode);
  const wrong = numaNode.find((node) => !isNode(node));
  if (wrong !== undefined || !numaNode.every(isNode)) {
    throw invalidValue('numaNode', `made of node numbers, 0 to ${maxNode}`, wrong);
  }
}

/** Throws `ERR_INVALID_ARG_*` for options that make no sense. */
export function checkPlacement(options: PlacementOptions): void {
  const { numaNode, accessPattern, pinned, tierHint } = options;
  if (tierHint !== undefined && typeof tierHint !== 'string') {
    throw invalidType('tierHint', 'the name of a tier', tierHint);
  }
  if (numaNode !== undefined) checkNodes(numaNode);
  if (accessPattern !== undefined && !accessPatterns.includes(accessPattern)) {
    throw invalidValue('accessPattern', `one of ${accessPatterns.join(', ')}`, accessPattern);
  }
  if (pinned !== undefined && typeof pinned !== 'boolean') {
    throw invalidType('pinned', 'a boolean', pinned);
  }
}

/**
 * Decides which tiers a new value tries, in order. With a hint: that tier, then slower ones, then faster
 * ones. Without: those the policy admits, the slowest, and at last those it would rather keep free.
 */
export class Placer {
  readonly #tiers: readonly Tier[];
  readonly #states: readonly TierState[];
  readonly #policy: Policy;
  readonly #storedOnce: (kind: number) => boolean;
  /** Orders by hint, and by the set of admitted tiers; there are few, and every `store` needs one. */
  readonly #byHint: (readonly number[])[];
  readonly #byAdmitted: Map<number, readonly number[]> = new Map();

  /**
   * `states` are live: their `usedBytes` is read at each decision. `storedOnce` says whether values of a kind are
   * better not let into the fastest tier, because hardly any of them was used after it was stored.
   */
  constructor(
    tiers: readonly Tier[],
    states: readonly TierState[],
    policy: Policy,
    storedOnce: (kind: number) => boolean = () => false,
  ) {
    this.#tiers = tiers;
    this.#states = states;
    this.#policy = policy;
    this.#storedOnce = storedOnce;
    const indices = tiers.map((_, index) => index);
    this.#byHint = indices.map((hint) => [
      ...indices.slice(hint),
      ...indices.slice(0, hint).reverse(),
    ]);
  }

  /**
   * The order for `bytes` of new data; `kind` as of {@link valueKind}, -1 for what nothing is learned about. REQUIRES:
   * checkPlacement(options) passed.
   */
  order(bytes: number, options: PlacementOptions, kind = -1): PlacementOrder {
    const node = options.numaNode ?? -1;
    const pinned = options.pinned ?? false;
    const hint = hintedTier(this.#tiers, options.tierHint);
    if (hint >= 0) return { tiers: this.#byHint[hint], node, pinned };
    const last = this.#tiers.length - 1;
    const request = {
      bytes,
      tierHint: -1,
      accessPattern: options.accessPattern ?? this.#learned(kind),
    } as const;
    let admitted = 1 << last;
    for (let tier = 0; tier < last; tier++) {
      if (this.#policy.admits(request, tier, this.#states)) admitted |= 1 << tier;
    }
    return { tiers: this.#admittedFirst(admitted), node, pinned };
  }

  /** What the caller did not say. */
  #learned(kind: number): AccessPattern {
    return kind >= 0 && this.#storedOnce(kind) ? 'one-touch' : 'unknown';
  }

  #admittedFirst(admitted: number): readonly number[] {
    let order = this.#byAdmitted.get(admitted);
    if (order === undefined) {
      const indices = this.#tiers.map((_, index) => index);
      const isAdmitted = (tier: number): boolean => ((admitted >> tier) & 1) === 1;
      order = [...indices.filter(isAdmitted), ...indices.filter((tier) => !isAdmitted(tier))];
      this.#byAdmitted.set(admitted, order);
    }
    return order;
  }
}
