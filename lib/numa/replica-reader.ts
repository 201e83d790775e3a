/**
 * A replicated region as one thread uses it: reads come from the copy of the node that the thread runs on where that
 * has what is asked for, else from the region itself, and blocks that are worth it are copied by whoever reads them.
 */

import { TierError } from '../errors.ts';
import { chunkBytes } from '../native.ts';
import {
  afterCopy,
  afterRead,
  afterWrite,
  blockCost,
  hasPaid,
  isOutdated,
  isWorthCopy,
  readBenefit,
} from './replica-benefit.ts';
import { mergeBlocks, noBlocks, packBlocks } from './replica-range.ts';
import {
  copyState,
  heldBy,
  nothingHeld,
  type ReplicaTable,
  replicaBlockBytes,
} from './replica-table.ts';
import { ReplicaThread, type ReplicaThreads } from './replica-thread.ts';

/** Memory of another thread. */
export interface ReplicaMemory {
  readonly buffer: ArrayBufferLike;
  release(): void;
}

/** What a reader needs of its thread. */
export interface ReplicaEnvironment {
  readonly threads: ReplicaThreads;
  /** The node this thread runs on. */
  currentNode(): number;
  /** Attaches a node's copy. Throws a TierError when it is gone. */
  attach(token: string): ReplicaMemory;
  /** Asks the owner for a copy on a node, by its index; -1 says that this thread lets go. Nobody answers. */
  ask(node: number): void;
}

/** The copy of a node as this thread has it attached. */
interface AttachedCopy {
  readonly node: number;
  readonly generation: number;
  readonly memory: ReplicaMemory;
  readonly bytes: Uint8Array;
}

const blocksPerChunk = chunkBytes / replicaBlockBytes;

/** The kernel is asked where a thread runs every so many reads: it takes as long as a short read. */
const readsPerLook = 16;

/** One thread's reader and writer. */
export class ReplicaReader {
  readonly table: ReplicaTable;
  readonly thread: ReplicaThread;
  readonly #environment: ReplicaEnvironment;
  readonly #region: Uint8Array;
  #copy: AttachedCopy | undefined;
  #node = -1;
  #looks = 0;
  /** A copy that could not be attached. */
  #unattachable = 0;

  /** `region` is the memory that writes go to. Throws `ERR_TIER_BUSY` when too many threads have it. */
  constructor(table: ReplicaTable, region: ArrayBufferLike, environment: ReplicaEnvironment) {
    this.table = table;
    this.#environment = environment;
    this.#region = new Uint8Array(region, 0, table.parts.byteLength);
    this.thread = new ReplicaThread(table, environment.threads);
  }

  /** Copies bytes from `from` on, all of them as they were at one moment during the call. */
  read(from: number, into: Uint8Array): void {
    const to = from + into.byteLength;
    const first = Math.floor(from / replicaBlockBytes);
    const last = Math.floor((to - 1) / replicaBlockBytes);
    const node = this.#farNode(first, last);
    const copy = node < 0 ? undefined : this.#copyOf(node);
    const entered = copy === undefined ? undefined : this.#enterCopy(copy, first, last);
    if (copy !== undefined && entered !== undefined) {
      into.set(copy.bytes.subarray(from, to));
      this.#leaveCopy(copy, entered);
      this.#readCopy(copy, first, last, into.byteLength);
      return;
    }
    const { thread } = this;
    const before = thread.acquire(packBlocks(first, last));
    if (node >= 0) this.#consider(node, copy, first, last, into.byteLength, false);
    if (copy === undefined) into.set(this.#region.subarray(from, to));
    else this.#readMixed(copy, from, into);
    thread.release(before);
    this.table.countRead(thread.number, node < 0);
  }

  /** Calls `fn` with the memory to read bytes from, which do not change meanwhile. */
  use<T>(from: number, byteLength: number, fn: (memory: ArrayBufferLike) => T): T {
    const first = Math.floor(from / replicaBlockBytes);
    const last = Math.floor((from + byteLength - 1) / replicaBlockBytes);
    const node = this.#farNode(first, last);
    const copy = node < 0 ? undefined : this.#copyOf(node);
    let entered = copy === undefined ? undefined : this.#enterCopy(copy, first, last);
    const { thread } = this;
    if (entered === undefined) {
      const before = thread.acquire(packBlocks(first, last));
      if (node >= 0) this.#consider(node, copy, first, last, byteLength, true);
      entered = copy === undefined ? undefined : this.#enterCopy(copy, first, last);
      if (entered === undefined) {
        this.table.countRead(thread.number, node < 0);
        try {
          return thread.using(() => fn(this.#region.buffer));
        } finally {
          thread.release(before);
        }
      }
      thread.release(before);
    }
    const used = copy as AttachedCopy;
    this.#readCopy(used, first, last, byteLength);
    try {
      return thread.using(() => fn(used.memory.buffer));
    } finally {
      this.#leaveCopy(used, entered);
    }
  }

  /** Writes bytes, at once for every reader. */
  write(from: number, bytes: Uint8Array): void {
    const { thread } = this;
    thread.locked(() =>
      thread.writing(from, from + bytes.byteLength, () => this.#region.set(bytes, from)),
    );
  }

  /** Lets `fn` change a private copy of the bytes while nobody else writes, and writes it when `fn` returns. */
  update<T>(from: number, byteLength: number, fn: (bytes: Uint8Array) => T): T {
    const { thread } = this;
    const to = from + byteLength;
    return thread.locked(() => {
      thread.requireWhole(from, to);
      const bytes = new Uint8Array(byteLength);
      bytes.set(this.#region.subarray(from, to));
      const result = fn(bytes);
      thread.writing(from, to, () => this.#region.set(bytes, from));
      return result;
    });
  }

  /** Lets everything go but the region. REQUIRES: no use is open. */
  close(): void {
    this.#copy?.memory.release();
    this.#copy = undefined;
    this.thread.leave();
    if (this.table.parts.nodes.length > 0 && !this.table.closed) this.#environment.ask(-1);
  }

  // --- where to read ----------------------------------------------------------------------------------

  /** The index of this thread's node when the region could be nearer to it; else -1. */
  #farNode(first: number, last: number): number {
    const { table } = this;
    if (table.parts.nodes.length === 0) return -1;
    if (this.#looks-- <= 0) {
      this.#looks = readsPerLook - 1;
      this.#node = table.parts.nodes.indexOf(this.#environment.currentNode());
    }
    if (this.#node < 0) return -1;
    const end = Math.floor(last / blocksPerChunk);
    for (let chunk = Math.floor(first / blocksPerChunk); chunk <= end; chunk++) {
      if (!table.isNear(this.#node, chunk)) return this.#node;
    }
    return -1;
  }

  /** A node's copy, attached; undefined when there is none. */
  #copyOf(node: number): AttachedCopy | undefined {
    const known = this.#copy;
    const generation = this.table.generation(node);
    if (known?.generation === generation && known.node === node) return known;
    // Views of the one that is attached may be in use, and would become empty.
    if (this.thread.inUse) return undefined;
    known?.memory.release();
    this.#copy = undefined;
    if (generation === 0 || generation === this.#unattachable) return undefined;
    try {
      const memory = this.#environment.attach(this.table.text(node));
      const bytes = new Uint8Array(memory.buffer, 0, this.table.parts.byteLength);
      this.#copy = { node, generation, memory, bytes };
    } catch (error) {
      if (!(error instanceof TierError)) throw error;
      this.#unattachable = generation;
    }
    // The text was read before, and could have been that of the next one.
    if (this.table.generation(node) === generation) return this.#copy;
    this.#copy?.memory.release();
    this.#copy = undefined;
    return undefined;
  }

  /** Whether a copy has the present version of a block. */
  #isHeld(copy: AttachedCopy, block: number): boolean {
    const { table } = this;
    return (
      table.held(copy.node, block) === table.version(block) &&
      table.generation(copy.node) === copy.generation
    );
  }

  #areHeld(copy: AttachedCopy, first: number, last: number): boolean {
    for (let block = first; block <= last; block++) {
      if (!this.#isHeld(copy, block)) return false;
    }
    return true;
  }

  /**
   * Keeps blocks of a copy as they are, if all of them are what the region is at this moment; undefined otherwise.
   * What was held before is returned, for {@link #leaveCopy}.
   */
  #enterCopy(copy: AttachedCopy, first: number, last: number): number | undefined {
    const { table } = this;
    const before = this.#holdCopy(copy, first, last);
    if (before === undefined) return undefined;
    // From here on they are not copied anew, so what is found to be present now was so when the first was looked at.
    if (this.#areHeld(copy, first, last)) return before;
    table.setCopyHold(this.thread.number, copy.node, before);
    return undefined;
  }

  /** Undefined: another node's copy is held, by a thread that has moved meanwhile. */
  #holdCopy(copy: AttachedCopy, first: number, last: number): number | undefined {
    const { number } = this.thread;
    const before = this.table.copyHold(number);
    if (before !== noBlocks && this.table.copyHoldNode(number) !== copy.node) return undefined;
    this.table.setCopyHold(number, copy.node, mergeBlocks(before, packBlocks(first, last)));
    return before;
  }

  #leaveCopy(copy: AttachedCopy, before: number): void {
    this.table.setCopyHold(this.thread.number, copy.node, before);
  }

  /** Reads what the copy has from there. REQUIRES: the blocks of the region are acquired. */
  #readMixed(copy: AttachedCopy, from: number, into: Uint8Array): void {
    const to = from + into.byteLength;
    const first = Math.floor(from / replicaBlockBytes);
    const last = Math.floor((to - 1) / replicaBlockBytes);
    const before = this.#holdCopy(copy, first, last);
    for (let block = first; block <= last; block++) {
      const start = Math.max(from, block * replicaBlockBytes);
      const end = Math.min(to, (block + 1) * replicaBlockBytes);
      const held = before !== undefined && this.#isHeld(copy, block);
      into.set((held ? copy.bytes : this.#region).subarray(start, end), start - from);
    }
    if (before !== undefined) this.#leaveCopy(copy, before);
  }

  // --- what pays --------------------------------------------------------------------------------------

  #readCopy({ node }: AttachedCopy, first: number, last: number, byteLength: number): void {
    const { table } = this;
    table.countRead(this.thread.number, true);
    table.noteUsed(node);
    const benefit = Math.ceil(readBenefit(byteLength) / (last - first + 1));
    for (let block = first; block <= last; block++) {
      const word = table.benefit(node, block);
      // Once it has paid, nobody writes here any more, and the cache line is every reader's.
      if (!hasPaid(word)) table.setBenefit(node, block, afterRead(word, benefit));
    }
  }

  /**
   * Notes a read of `bytes` that need blocks which the node's copy lacks, and copies those that are worth it; without
   * a copy asks for one. `together`: for lack of one of them all bytes come from afar. REQUIRES: the blocks are
   * acquired.
   */
  #consider(
    node: number,
    copy: AttachedCopy | undefined,
    first: number,
    last: number,
    bytes: number,
    together: boolean,
  ): void {
    const { table } = this;
    let missing = 0;
    for (let block = first; block <= last; block++) {
      if (copy === undefined || !this.#isHeld(copy, block)) missing++;
    }
    if (missing === 0) return;
    const remoteBytes = together ? bytes : Math.min(bytes, missing * replicaBlockBytes);
    const benefit = Math.ceil(readBenefit(remoteBytes) / missing);
    let worth = 0;
    for (let block = first; block <= last; block++) {
      const version = table.version(block);
      // Odd: this thread reads it already, and a writer waits for that.
      if (version % 2 !== 0 || (copy !== undefined && this.#isHeld(copy, block))) continue;
      const word = this.#noteMissing(node, block, version);
      const next = afterRead(word, benefit);
      table.setBenefit(node, block, next);
      if (!isWorthCopy(next)) continue;
      if (copy !== undefined) this.#fill(copy, block, version);
      worth += isWorthCopy(word) ? benefit : blockCost;
    }
    if (copy === undefined && worth > 0) this.#want(node, worth);
  }

  /** What is known of a block that the copy lacks, as of its present version. */
  #noteMissing(node: number, block: number, version: number): number {
    const { table } = this;
    const word = table.benefit(node, block);
    if (!isOutdated(word, version)) return word;
    const held = table.held(node, block);
    const copied = held > nothingHeld && table.changeHeld(node, block, held, nothingHeld);
    return afterWrite(word, version, copied);
  }

  /**
   * Copies a block to a node. Left alone while somebody reads an older version of it there, or copies it. REQUIRES: the
   * block is acquired.
   */
  #fill(copy: AttachedCopy, block: number, version: number): void {
    const { table, thread } = this;
    const { node } = copy;
    const before = table.held(node, block);
    const mine = heldBy(thread.number);
    if (before < nothingHeld || !table.changeHeld(node, block, before, mine)) return;
    // Looked at after the word was changed: who comes to read, or makes another copy, sees it.
    const free = table.generation(node) === copy.generation && !thread.isCopyRead(node, block);
    if (free) {
      const from = block * replicaBlockBytes;
      copy.bytes.set(this.#region.subarray(from, from + replicaBlockBytes), from);
      table.countCopy(thread.number);
      table.setBenefit(node, block, afterCopy(table.benefit(node, block), version));
    }
    table.changeHeld(node, block, mine, free ? version : nothingHeld);
  }

  /** Adds to what a copy would be worth to a node, and asks for it when that is enough. */
  #want(node: number, worth: number): void {
    const { table } = this;
    const state = table.state(node);
    if (table.closed || (state !== copyState.none && state !== copyState.refused)) return;
    if (table.addCredit(node, worth) < table.need(node)) return;
    if (table.changeState(node, state, copyState.wanted)) this.#environment.ask(node);
  }
}
