/** Values and regions of whole chunks: one address for life, each chunk on a tier of its own. */

import { chunkBytes } from '../native.ts';
import type { AccessPattern } from '../policy/policy.ts';
import { neverAccessed } from '../tracking/heat.ts';
import type { UsagePatterns } from '../tracking/usage-patterns.ts';
import type { ByteRange } from './byte-ranges.ts';
import type { Interleaving } from './interleaved-run.ts';

/** Region chunks and small objects share one space of unit ids; a chunk's id is this plus its index. */
export const chunkUnitBase: number = 2 ** 32;

/** Chunks that so many bytes take; one at least. */
export function chunksFor(byteLength: number): number {
  return Math.max(1, Math.ceil(byteLength / chunkBytes));
}

/** A run of chunks with one owner. */
export interface LargeObject {
  id: number;
  /** Its place in the space's list of large objects. */
  readonly number: number;
  readonly firstChunk: number;
  readonly chunks: number;
  readonly byteLength: number;
  /**
   * The bytes; undefined for an exposed region, whose buffer only its users may keep alive: it is how a
   * region that was dropped is found.
   */
  readonly bytes: Uint8Array | undefined;
  /** L of each chunk, see tracking/heat.ts. */
  readonly heat: Float32Array;
  /** Last use of each chunk, see last-use.ts. */
  readonly lastUse: Uint32Array;
  /** Reads of each chunk since the last fold, saturating. */
  readonly reads: Uint16Array;
  readonly writes: Uint16Array;
  /** Scratch: 1 for the chunks a snapshot has taken. */
  readonly marks: Uint8Array;
  /**
   * A live view was handed out, so accesses are only known when the caller reports them, and other threads
   * may hold the memory.
   */
  readonly exposed: boolean;
  /** The caller promises that only this thread touches an exposed region. */
  readonly ownerThreadOnly: boolean;
  /** CRC-32 of each chunk, of an object stored with verification. */
  sums: Uint32Array | undefined;
  /** Lost bytes of a region that its user has filled again. */
  acknowledged: readonly ByteRange[];
  /** How its owner said it would be used. */
  declared: AccessPattern;
  /** What the reported accesses of a region look like, as its unit 0; undefined before the first. */
  usage: UsagePatterns | undefined;
  /** Of a shared region: what the other threads count; see shared-counts.ts. */
  sharedCounts: SharedArrayBuffer | undefined;
  /** At least one access was reported. Until then an exposed region is left where it is. */
  tracked: boolean;
  /** How it was spread over several backends; undefined when that was not asked for. */
  interleaving: Interleaving | undefined;
  /** By chunk: the node that interleaving put it on; undefined when it has none of its own. */
  nodes: readonly number[] | undefined;
  /** A background move is in flight. */
  moving: boolean;
  /** Deleted while a background move was in flight; freed when that ends. */
  doomed: boolean;
}

/** A fresh one, cold. */
export function makeLargeObject(
  fields: Pick<
    LargeObject,
    | 'id'
    | 'number'
    | 'firstChunk'
    | 'chunks'
    | 'byteLength'
    | 'bytes'
    | 'exposed'
    | 'ownerThreadOnly'
  > &
    Partial<Pick<LargeObject, 'interleaving' | 'nodes'>>,
): LargeObject {
  return {
    interleaving: undefined,
    nodes: undefined,
    ...fields,
    heat: new Float32Array(fields.chunks).fill(neverAccessed),
    lastUse: new Uint32Array(fields.chunks),
    reads: new Uint16Array(fields.chunks),
    writes: new Uint16Array(fields.chunks),
    marks: new Uint8Array(fields.chunks),
    sums: undefined,
    acknowledged: [],
    declared: 'unknown',
    usage: undefined,
    sharedCounts: undefined,
    tracked: !fields.exposed,
    moving: false,
    doomed: false,
  };
}
