/**
 * The words that the threads of a replicated region share: versions of its blocks, who reads and who writes, and what
 * each node has copies of. One SharedArrayBuffer; every word is an Int32 used by Atomics, figures are Float64.
 */

import { chunkBytes } from '../native.ts';
import { noBlocks } from './replica-range.ts';

/** Bytes of a block: what a write invalidates, and what is copied at once. */
export const replicaBlockBytes: number = 64 * 1024;

/** Threads that can have a replicated region attached at a time. */
export const maxReplicaThreads: number = 256;

/** How it stands with a node's copy. */
export const copyState = { none: 0, wanted: 1, held: 2, refused: 3 } as const;

/** A version of a copied block that no block has: nothing is copied. */
export const nothingHeld = -1;

/** Another such version: a thread is copying the block. */
export function heldBy(thread: number): number {
  return nothingHeld - 1 - thread;
}

/** What a table is made of: goes from thread to thread in a token. */
export interface ReplicaTableParts {
  readonly memory: SharedArrayBuffer;
  /** Bytes of the region. */
  readonly byteLength: number;
  /** Nodes that can have copies, by index; none where all memory is equally near. */
  readonly nodes: readonly number[];
  /** Name of the BroadcastChannel on which the region's owner is asked for copies. */
  readonly channel: string;
}

// Words that different threads write are 64 bytes apart, so that they do not take each other's cache lines.
const closedWord = 0;
const threadsEndWord = 1;
/** 0, or one more than the number of the thread that writes. */
export const lockWord = 16;
const drainingWord = 17;
const writeRangeWord = 18;
const writesFigure = 16;
const invalidationsFigure = 17;
const headWords = 64;

const nodeWords = 64;
const generationAt = 0;
const stateAt = 1;
const creditAt = 2;
const needAt = 3;
const usedAt = 4;
const textLengthAt = 5;
const textAt = 8;
const textBytes = (nodeWords - textAt) * 4;

const threadWords = 32;
const idAt = 0;
const startedFigure = 1;
const holdAt = 4;
const copyHoldAt = 5;
const copyNodeAt = 6;
const localFigure = 4;
const remoteFigure = 5;
const copiesFigure = 6;

/** One thread's counts, or all threads'. */
export interface ReplicaCounts {
  readonly localReads: number;
  readonly remoteReads: number;
  /** Blocks copied. */
  readonly copies: number;
}

/** The table. Methods are single atomic steps unless they say otherwise. */
export class ReplicaTable {
  readonly parts: ReplicaTableParts;
  /** Public because who waits needs the array itself. */
  readonly words: Int32Array;
  readonly blocks: number;
  readonly chunks: number;
  readonly #figures: Float64Array;
  readonly #bytes: Uint8Array;
  readonly #threads: number;
  readonly #versions: number;
  readonly #perNode: number;

  /** A table over its parts; throws RangeError for parts that do not belong together. */
  constructor(parts: ReplicaTableParts) {
    this.parts = parts;
    this.blocks = Math.ceil(parts.byteLength / replicaBlockBytes);
    this.chunks = Math.ceil(parts.byteLength / chunkBytes);
    this.#threads = headWords + parts.nodes.length * nodeWords;
    this.#versions = this.#threads + maxReplicaThreads * threadWords;
    this.#perNode = 2 * this.blocks + this.chunks;
    if (parts.memory.byteLength !== bytesNeeded(parts.byteLength, parts.nodes.length)) {
      throw new RangeError('the table is of another region');
    }
    this.words = new Int32Array(parts.memory);
    this.#figures = new Float64Array(parts.memory);
    this.#bytes = new Uint8Array(parts.memory);
  }

  /** A table for a region that nobody uses yet. `nodes`: fewer than two are taken for none. */
  static create(byteLength: number, nodes: readonly number[], channel: string): ReplicaTable {
    const known = nodes.length < 2 ? [] : [...nodes];
    const memory = new SharedArrayBuffer(bytesNeeded(byteLength, known.length));
    const table = new ReplicaTable({ memory, byteLength, nodes: known, channel });
    table.writeRange = noBlocks;
    for (let node = 0; node < known.length; node++) table.clearHeld(node);
    return table;
  }

  // --- the whole --------------------------------------------------------------------------------------

  /** Whether the owner has given the region up. */
  get closed(): boolean {
    return Atomics.load(this.words, closedWord) !== 0;
  }

  close(): void {
    Atomics.store(this.words, closedWord, 1);
  }

  /** Whether a writer waits for readers to let go. */
  get draining(): boolean {
    return Atomics.load(this.words, drainingWord) !== 0;
  }

  set draining(draining: boolean) {
    Atomics.store(this.words, drainingWord, Number(draining));
  }

  /** What is being written. */
  get writeRange(): number {
    return Atomics.load(this.words, writeRangeWord);
  }

  set writeRange(range: number) {
    Atomics.store(this.words, writeRangeWord, range);
  }

  /** Counts a write. REQUIRES: the caller has the lock. */
  countWrite(invalidations: number): void {
    this.#figures[writesFigure]++;
    this.#figures[invalidationsFigure] += invalidations;
  }

  get writes(): number {
    return this.#figures[writesFigure];
  }

  get invalidations(): number {
    return this.#figures[invalidationsFigure];
  }

  // --- blocks -----------------------------------------------------------------------------------------

  /** Version of a block: even, or odd while it is written. */
  version(block: number): number {
    return Atomics.load(this.words, this.#versions + block);
  }

  setVersion(block: number, version: number): void {
    Atomics.store(this.words, this.#versions + block, version);
  }

  /** The version that a node has of a block; negative: none. */
  held(node: number, block: number): number {
    return Atomics.load(this.words, this.#node(node) + block);
  }

  setHeld(node: number, block: number, version: number): void {
    Atomics.store(this.words, this.#node(node) + block, version);
  }

  /** A node has nothing of any block. Not one step. */
  clearHeld(node: number): void {
    for (let block = 0; block < this.blocks; block++) this.setHeld(node, block, nothingHeld);
  }

  /** As {@link setHeld}, if it is still `before`. */
  changeHeld(node: number, block: number, before: number, after: number): boolean {
    return Atomics.compareExchange(this.words, this.#node(node) + block, before, after) === before;
  }

  /** What is known about whether a copy of a block pays; see replica-benefit. */
  benefit(node: number, block: number): number {
    return Atomics.load(this.words, this.#node(node) + this.blocks + block);
  }

  setBenefit(node: number, block: number, benefit: number): void {
    Atomics.store(this.words, this.#node(node) + this.blocks + block, benefit);
  }

  /** Whether a node has no memory of the same tier nearer than where the chunk is. */
  isNear(node: number, chunk: number): boolean {
    return Atomics.load(this.words, this.#node(node) + 2 * this.blocks + chunk) !== 0;
  }

  setNear(node: number, chunk: number, near: boolean): void {
    Atomics.store(this.words, this.#node(node) + 2 * this.blocks + chunk, Number(near));
  }

  // --- nodes ------------------------------------------------------------------------------------------

  /** Which copy a node has, a number that is never used again; 0 for none. */
  generation(node: number): number {
    return Atomics.load(this.words, headWords + node * nodeWords + generationAt);
  }

  setGeneration(node: number, generation: number): void {
    Atomics.store(this.words, headWords + node * nodeWords + generationAt, generation);
  }

  /** One of {@link copyState}. */
  state(node: number): number {
    return Atomics.load(this.words, headWords + node * nodeWords + stateAt);
  }

  setState(node: number, state: number): void {
    Atomics.store(this.words, headWords + node * nodeWords + stateAt, state);
  }

  changeState(node: number, before: number, after: number): boolean {
    const at = headWords + node * nodeWords + stateAt;
    return Atomics.compareExchange(this.words, at, before, after) === before;
  }

  /** Adds to what a copy would have saved a node, and returns the sum. */
  addCredit(node: number, credit: number): number {
    return Atomics.add(this.words, headWords + node * nodeWords + creditAt, credit) + credit;
  }

  clearCredit(node: number): void {
    Atomics.store(this.words, headWords + node * nodeWords + creditAt, 0);
  }

  /** The credit from which on a node's copy is worth its memory. */
  need(node: number): number {
    return Atomics.load(this.words, headWords + node * nodeWords + needAt);
  }

  setNeed(node: number, need: number): void {
    Atomics.store(this.words, headWords + node * nodeWords + needAt, need);
  }

  /** Notes that a node's copy is read. Writes only the first time, so that readers share the cache line. */
  noteUsed(node: number): void {
    const at = headWords + node * nodeWords + usedAt;
    if (Atomics.load(this.words, at) === 0) Atomics.store(this.words, at, 1);
  }

  /** Whether a node's copy was read since this was asked last. */
  takeUsed(node: number): boolean {
    return Atomics.exchange(this.words, headWords + node * nodeWords + usedAt, 0) !== 0;
  }

  /** Text about a node's copy: where it is, or why there is none. Not atomic: look at the generation again. */
  text(node: number): string {
    const at = headWords + node * nodeWords;
    const length = Math.min(textBytes, Atomics.load(this.words, at + textLengthAt));
    const from = (at + textAt) * 4;
    return Buffer.from(this.#bytes.slice(from, from + length)).toString('latin1');
  }

  setText(node: number, text: string): void {
    const at = headWords + node * nodeWords;
    const bytes = Buffer.from(text, 'latin1').subarray(0, textBytes);
    this.#bytes.set(bytes, (at + textAt) * 4);
    Atomics.store(this.words, at + textLengthAt, bytes.byteLength);
  }

  // --- threads ----------------------------------------------------------------------------------------

  /** Threads have numbers below this one. */
  get threadsEnd(): number {
    return Atomics.load(this.words, threadsEndWord);
  }

  /** The kernel's number of a thread; 0: nobody, negative: somebody who comes or goes. */
  threadId(thread: number): number {
    return Atomics.load(this.words, this.#thread(thread) + idAt);
  }

  startedAt(thread: number): number {
    return this.#figures[this.#thread(thread) / 2 + startedFigure];
  }

  /** Makes a thread known under a number that is free; `false` when it is not. */
  enter(thread: number, id: number, startedAt: number): boolean {
    const at = this.#thread(thread);
    if (Atomics.compareExchange(this.words, at + idAt, 0, -1) !== 0) return false;
    this.#figures[at / 2 + startedFigure] = startedAt;
    this.setHold(thread, noBlocks);
    this.setCopyHold(thread, 0, noBlocks);
    Atomics.store(this.words, at + idAt, id);
    for (let end = this.threadsEnd; end <= thread; end = this.threadsEnd) {
      Atomics.compareExchange(this.words, threadsEndWord, end, thread + 1);
    }
    return true;
  }

  /**
   * Begins to free a thread's number; `false` when it is not that thread's any more. The number is nobody else's until
   * {@link endLeave}.
   */
  beginLeave(thread: number, id: number): boolean {
    return Atomics.compareExchange(this.words, this.#thread(thread) + idAt, id, -1) === id;
  }

  /** Frees the number. The thread's counts stay. */
  endLeave(thread: number): void {
    this.setHold(thread, noBlocks);
    this.setCopyHold(thread, 0, noBlocks);
    Atomics.store(this.words, this.#thread(thread) + idAt, 0);
  }

  /** Blocks of the region that a thread reads: no writer touches them. */
  hold(thread: number): number {
    return Atomics.load(this.words, this.holdWord(thread));
  }

  setHold(thread: number, range: number): void {
    Atomics.store(this.words, this.holdWord(thread), range);
  }

  /** The word to wait on for a change of {@link hold}. */
  holdWord(thread: number): number {
    return this.#thread(thread) + holdAt;
  }

  /** Blocks of a node's copy that a thread reads: they are not copied anew. */
  copyHold(thread: number): number {
    return Atomics.load(this.words, this.#thread(thread) + copyHoldAt);
  }

  copyHoldNode(thread: number): number {
    return Atomics.load(this.words, this.#thread(thread) + copyNodeAt);
  }

  setCopyHold(thread: number, node: number, range: number): void {
    // What is let go keeps its node, for the range is seen to be empty only after it.
    if (range !== noBlocks) Atomics.store(this.words, this.#thread(thread) + copyNodeAt, node);
    Atomics.store(this.words, this.#thread(thread) + copyHoldAt, range);
  }

  /** Counts reads of a thread, by itself. */
  countRead(thread: number, local: boolean): void {
    this.#figures[this.#thread(thread) / 2 + (local ? localFigure : remoteFigure)]++;
  }

  countCopy(thread: number): void {
    this.#figures[this.#thread(thread) / 2 + copiesFigure]++;
  }

  /** Of all threads there were. */
  counts(): ReplicaCounts {
    const counts = { localReads: 0, remoteReads: 0, copies: 0 };
    for (let thread = 0; thread < this.threadsEnd; thread++) {
      const at = this.#thread(thread) / 2;
      counts.localReads += this.#figures[at + localFigure];
      counts.remoteReads += this.#figures[at + remoteFigure];
      counts.copies += this.#figures[at + copiesFigure];
    }
    return counts;
  }

  #thread(thread: number): number {
    return this.#threads + thread * threadWords;
  }

  #node(node: number): number {
    return this.#versions + this.blocks + node * this.#perNode;
  }
}

function bytesNeeded(byteLength: number, nodes: number): number {
  const blocks = Math.ceil(byteLength / replicaBlockBytes);
  const chunks = Math.ceil(byteLength / chunkBytes);
  const fixed = headWords + nodes * nodeWords + maxReplicaThreads * threadWords;
  const words = fixed + blocks + nodes * (2 * blocks + chunks);
  return 4 * (words + (words % 2));
}
