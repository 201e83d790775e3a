/**
 * Takes the run of a region that is spread over several backends, in parts by weight.
 *
 * Whole chunks as a rule: each chunk is wholly on its backend, is charged there, and moves like any other. It is what
 * the kernel's own interleaving does with the huge pages that chunks are made of: it counts in units of what it
 * allocates (`get_vma_policy` shifts the offset by the order of the page, Linux 6.7), 2 MiB here. Finer stripes, for
 * regions of so few chunks that whole ones would not give the shares, cost the huge pages, and have no one backend to
 * move from: such a region stays where it is, and its chunks are charged by the same weights.
 */

import { TierError } from '../errors.ts';
import { chunkBytes } from '../native.ts';
import { interleaveOrder, interleaveShares } from '../numa/interleave.ts';
import type { TierName } from '../tiers/tier.ts';
import type { BackendSet, BackendState } from './backend-set.ts';
import type { Compactor } from './compactor.ts';
import type { DealtPages } from './heap-binding.ts';
import type { MayMove } from './object-space.ts';

/** How a region is to be spread. */
export interface InterleaveRequest {
  /** By node, or the same for all, or what each can carry. */
  readonly weights: 'equal' | 'bandwidth' | ReadonlyMap<number, number>;
  /** These nodes, in whatever tier they are; else all of the tier. */
  readonly nodes: readonly number[] | undefined;
  /** A power of two, a chunk at most; else as the region's size suggests. */
  readonly stripeBytes: number | undefined;
  /** Bytes a second of nodes as the firmware has it; undefined when it does not say. */
  readonly firmware: (nodes: readonly number[]) => readonly number[] | undefined;
}

/** What a backend has of an interleaved region. */
export interface InterleavedPart {
  readonly tier: TierName;
  /** -1 for a file or device. */
  readonly node: number;
  /** Asked for, as a share of all. */
  readonly share: number;
  /** Given; not the share asked for where a backend had no room for it. */
  readonly stripes: number;
}

/** How a region was spread when it was allocated. */
export interface Interleaving {
  /**
   * `chunks`: whole chunks, each on a backend and free to move. `kernel`: pages, by the kernel's interleaving. `pages`:
   * pages, one by one. `none`: not at all; `note` says why.
   */
  readonly method: 'chunks' | DealtPages['method'];
  /** Bytes on one backend before the next one's turn. */
  readonly stripeBytes: number;
  readonly parts: readonly InterleavedPart[];
  /** Pages that are not where they belong, as found when they were brought in. */
  readonly misplacedPages: number;
  /** What is not as it was asked for; empty as a rule. */
  readonly note: string;
  /** Whether the region stays where it is because its pages are dealt out. */
  readonly stays: boolean;
}

/** A run, and how it was spread. */
export interface InterleavedRun {
  readonly firstChunk: number;
  readonly interleaving: Interleaving;
  /** By chunk: the node it was put on; undefined when it has none of its own. */
  readonly nodes: readonly number[] | undefined;
}

/** Regions of fewer chunks are dealt out by the page: whole chunks would be off by up to a thirty-second. */
const leastChunks = 16;

/** Runs of fewer chunks are brought in when they are allocated, as other regions are. */
const eagerChunks = 4;

/** Chunks a turn: coarser where each turn of one, a mapping of its own, would exceed the process' share of mappings. */
const turns = [1, 8, 64];

interface Part {
  readonly backend: BackendState;
  readonly weight: number;
}

/** Whether single pages of it can be placed. */
function hasPages({ config, node }: BackendState): boolean {
  return node >= 0 && (config.kind === 'numa' || config.kind === 'simulated');
}

/** The backend on a node: of the tier if it has one there, else of the fastest tier that has; undefined if none has. */
export function backendOnNode(
  set: BackendSet,
  tier: number,
  node: number,
): BackendState | undefined {
  return [set.ofTier[tier], ...set.ofTier].flat().find((one) => one.node === node && hasPages(one));
}

/** Throws `ERR_TIER_UNAVAILABLE` when a region cannot be spread over all of these nodes. */
export function checkNodesInUse(set: BackendSet, nodes: readonly number[] | undefined): void {
  const absent = nodes?.find((node) => backendOnNode(set, 0, node) === undefined);
  if (absent === undefined) return;
  throw new TierError(
    'ERR_TIER_UNAVAILABLE',
    `There is nothing to interleave over on node ${absent}: no tier in use has its memory.`,
    { hint: 'stats().tiers lists the backends in use with their nodes.' },
  );
}

function findBackends(set: BackendSet, tier: number, request: InterleaveRequest): BackendState[] {
  const { nodes } = request;
  // A library chooses its own addresses.
  if (nodes === undefined)
    return set.ofTier[tier].filter(({ config }) => config.kind !== 'memkind');
  return [...new Set(nodes)].flatMap((node) => backendOnNode(set, tier, node) ?? []);
}

/** By what each can carry: figures of one kind for all, because measured and firmware's differ by more than the nodes. */
function bandwidths(
  set: BackendSet,
  backends: readonly BackendState[],
  firmware: InterleaveRequest['firmware'],
): readonly number[] {
  const specs = backends.map(({ tier }) => set.tiers[tier].spec);
  const isKnown = specs.some(
    ({ readBytesPerSecond: { source } }) => source === 'measured' || source === 'user',
  );
  const told = isKnown ? undefined : firmware(backends.map(({ node }) => node));
  return (
    told ??
    specs.map((spec) => Math.min(spec.readBytesPerSecond.value, spec.writeBytesPerSecond.value))
  );
}

function findParts(set: BackendSet, tier: number, request: InterleaveRequest): Part[] {
  const { weights, firmware } = request;
  const backends = findBackends(set, tier, request);
  const wide = weights === 'bandwidth' ? bandwidths(set, backends, firmware) : undefined;
  return backends
    .map((backend, i) => {
      const weight = typeof weights === 'string' ? (wide?.[i] ?? 1) : weights.get(backend.node);
      return { backend, weight: weight ?? 0 };
    })
    .filter(({ weight }) => weight > 0);
}

/** Where a run is to go. */
export interface InterleavedPlace {
  readonly tier: number;
  readonly interleave: InterleaveRequest;
  readonly mayMove: MayMove;
}

/** Takes runs in parts. */
export class InterleavedRuns {
  readonly #set: BackendSet;
  readonly #compactor: Compactor;

  constructor(set: BackendSet, compactor: Compactor) {
    this.#set = set;
    this.#compactor = compactor;
  }

  /**
   * Takes and charges `chunks` chunks. A backend that has no room for its share leaves it to the others, as full nodes
   * do in the kernel. Throws `ERR_TIER_FULL` when there is not room for all.
   */
  take(chunks: number, { tier, interleave, mayMove }: InterleavedPlace): InterleavedRun {
    const set = this.#set;
    const parts = findParts(set, tier, interleave);
    if (parts.length === 0) throw full(set, tier, chunks);
    const backends = parts.map(({ backend }) => backend);
    const asked = parts.map(({ weight }) => weight);
    const wanted = interleaveShares(chunks, asked)!;
    backends.forEach((backend, i) => {
      this.#compactor.makeRunRoom(backend, wanted[i], mayMove);
    });
    const rooms = backends.map((backend) => set.roomForChunks(backend));
    const shares = interleaveShares(chunks, asked, rooms);
    if (shares === undefined) throw full(set, tier, chunks);
    const isShort = shares.some((share, i) => share !== wanted[i]);
    const stripeBytes = this.#stripeBytes(chunks, interleave, backends);
    const striped = stripeBytes < chunkBytes;
    const before = this.#unverified(backends);
    const { firstChunk, order, turn } = this.#takeSpread(backends, shares, striped);
    const all = asked.reduce((sum, weight) => sum + weight, 0);
    const report = (
      stripes: readonly number[],
      rest: Omit<Interleaving, 'parts' | 'stays'>,
    ): Interleaving => ({
      ...rest,
      parts: backends.map((backend, i) => ({
        tier: set.tiers[backend.tier].name,
        node: backend.node,
        share: asked[i] / all,
        stripes: stripes[i],
      })),
      stays: striped && rest.method !== 'none',
    });
    const short = isShort ? 'A node has no room for its share; the others have the rest.' : '';
    if (!striped) {
      const alone = backends.length < 2;
      const unverified = this.#unverified(backends) - before;
      const coarse =
        (interleave.stripeBytes ?? chunkBytes) < chunkBytes
          ? 'Files and devices are dealt out by whole chunks.'
          : short;
      const note =
        unverified > 0 ? `${unverified} chunks are not known to be on their nodes.` : coarse;
      return {
        firstChunk,
        nodes: alone ? undefined : Array.from(order, (part) => backends[part].node),
        interleaving: report(shares, {
          method: alone ? 'none' : 'chunks',
          stripeBytes: turn * chunkBytes,
          misplacedPages: 0,
          note: alone ? `${set.tiers[backends[0].tier].name} has one backend for it.` : note,
        }),
      };
    }
    const stripes = interleaveShares(
      (chunks * chunkBytes) / stripeBytes,
      isShort ? shares : asked,
    )!;
    const nodes = Int32Array.from(interleaveOrder(stripes), (part) => backends[part].node);
    try {
      const dealt = set.heap.dealPages(firstChunk, stripeBytes, nodes);
      const { method, misplacedPages } = dealt;
      const note = misplacedPages > 0 ? `${misplacedPages} pages are on other nodes.` : short;
      return {
        firstChunk,
        nodes: undefined,
        interleaving: report(stripes, {
          method,
          stripeBytes,
          misplacedPages,
          note: method === 'none' ? refusedNote(dealt) : note,
        }),
      };
    } catch (error) {
      set.releaseRun(firstChunk, chunks);
      throw error;
    }
  }

  /** Chunks that the kernel would not bind, or tell about: a container can refuse both. */
  #unverified(backends: readonly BackendState[]): number {
    const { heap } = this.#set;
    return backends.reduce((sum, { index }) => sum + heap.backendStats(index).unverifiedChunks, 0);
  }

  #stripeBytes(
    chunks: number,
    { stripeBytes }: InterleaveRequest,
    backends: readonly BackendState[],
  ): number {
    if (backends.length < 2 || !backends.every(hasPages)) return chunkBytes;
    const { pageBytes } = this.#set.heap;
    if (stripeBytes !== undefined) return Math.max(stripeBytes, pageBytes);
    return chunks < leastChunks ? pageBytes : chunkBytes;
  }

  #takeSpread(
    backends: readonly BackendState[],
    shares: readonly number[],
    striped: boolean,
  ): { readonly firstChunk: number; readonly order: Uint32Array; readonly turn: number } {
    let failure: unknown;
    for (const turn of turns) {
      const order = interleaveOrder(shares, turn);
      try {
        const each = Array.from(order, (part) => backends[part]);
        const deferred = striped || order.length > eagerChunks;
        return { firstChunk: this.#set.takeSpread(each, deferred), order, turn };
      } catch (error) {
        if (!(error instanceof TierError) || error.code !== 'ERR_TIER_FULL') throw error;
        failure = error;
      }
    }
    throw failure;
  }
}

function refusedNote({ errno }: DealtPages): string {
  return errno === 0
    ? 'Placing memory needs the native addon.'
    : `The kernel refuses mbind (errno ${errno}): its pages are wherever the kernel puts them. In Docker, --cap-add SYS_NICE.`;
}

function full(set: BackendSet, tier: number, chunks: number): TierError {
  const { name } = set.tiers[tier];
  return new TierError(
    'ERR_TIER_FULL',
    `The nodes of ${name} that are to share ${chunks} chunks of 2 MiB have no room for them.`,
  );
}
