/**
 * One thread's part in a replicated region: the blocks it reads, the lock it writes under, and waiting for others.
 *
 * A reader says which blocks it reads and then looks at their versions; a writer makes the versions odd and then looks
 * at who reads. Whichever comes second sees the other: the reader steps back and waits, or the writer waits until the
 * reader has finished. All of it is sequentially consistent atomics, so that the bytes themselves are never read and
 * written at the same time. A thread that ends in the middle is found out by the others, who wait in steps.
 *
 * Nothing waits in a circle. There is one writer at a time; a thread that reads, or has the lock, may not begin to
 * write, in any region; and a reader that reads more while a writer waits for it goes on.
 */

import { TierError } from '../errors.ts';
import type { NumaBinding } from './numa-binding.ts';
import {
  firstBlock,
  lastBlock,
  mergeBlocks,
  noBlocks,
  overlap,
  packBlocks,
} from './replica-range.ts';
import {
  heldBy,
  lockWord,
  maxReplicaThreads,
  nothingHeld,
  type ReplicaTable,
  replicaBlockBytes,
} from './replica-table.ts';

/** A thread of the process. */
export interface ThreadIdentity {
  readonly id: number;
  /** When it was started: a number can be given out again. */
  readonly startedAt: number;
}

/** Which threads there are. */
export interface ReplicaThreads {
  readonly current: ThreadIdentity;
  isAlive(thread: ThreadIdentity): boolean;
}

/** How long is waited before it is asked whether whom one waits for is alive. */
const waitMs = 20;
/** Versions stay positive, as what is negative means something else. */
const versionMask = 0x3fffffff;

/** What this thread is doing in any region: the reads and writes it is inside of. */
const inside = { uses: 0, updates: 0 };

/** The part of this thread. */
export class ReplicaThread {
  readonly table: ReplicaTable;
  /** Its number in the table. */
  readonly number: number;
  readonly #threads: ReplicaThreads;
  #uses = 0;

  /** Takes a free number; throws `ERR_TIER_BUSY` when there is none. */
  constructor(table: ReplicaTable, threads: ReplicaThreads) {
    this.table = table;
    this.#threads = threads;
    this.number = this.#enter();
  }

  /** Whether a use of the region is open on this thread. */
  get inUse(): boolean {
    return this.#uses > 0;
  }

  /** Gives the number back. Nothing may be held. */
  leave(): void {
    const { table, number } = this;
    if (table.beginLeave(number, this.#threads.current.id)) table.endLeave(number);
  }

  // --- reading ----------------------------------------------------------------------------------------

  /**
   * Keeps writers off blocks of the region, beside those that are held already, and returns what was held before, to
   * be given to {@link release}. Waits while one of the blocks is written. Throws `ERR_TIER_CORRUPT` when a block was
   * left half written.
   */
  acquire(range: number): number {
    const { table } = this;
    const before = table.hold(this.number);
    const merged = mergeBlocks(before, range);
    for (;;) {
      table.setHold(this.number, merged);
      const block = this.#unstable(range, before);
      if (block < 0) return before;
      const version = table.version(block);
      this.release(before);
      if (version % 2 !== 0) this.#awaitWriter(block, version);
    }
  }

  /** Lets go of what came on top of `before`. */
  release(before: number): void {
    const { table } = this;
    table.setHold(this.number, before);
    if (table.draining) Atomics.notify(table.words, table.holdWord(this.number));
  }

  /** Calls `fn` so that nothing is written by this thread meanwhile. */
  using<T>(fn: () => T): T {
    inside.uses++;
    this.#uses++;
    try {
      return fn();
    } finally {
      inside.uses--;
      this.#uses--;
    }
  }

  /** Whether a thread, this one included, reads a block of a node's copy. */
  isCopyRead(node: number, block: number): boolean {
    const { table } = this;
    const range = packBlocks(block, block);
    for (let thread = 0; thread < table.threadsEnd; thread++) {
      if (overlap(table.copyHold(thread), range) && table.copyHoldNode(thread) === node) {
        return true;
      }
    }
    return false;
  }

  // --- writing ----------------------------------------------------------------------------------------

  /**
   * Calls `fn` as the only writer. Throws `ERR_TIER_BUSY` inside of a use or an update, of any region: two threads
   * could wait for each other.
   */
  locked<T>(fn: () => T): T {
    if (inside.uses > 0 || inside.updates > 0) {
      const where = inside.uses > 0 ? 'use' : 'update';
      throw new TierError('ERR_TIER_BUSY', `Nothing can be written inside of ${where}().`, {
        hint: 'Take what is to be written out of it, and write after it returned.',
      });
    }
    this.#lock();
    inside.updates++;
    try {
      return fn();
    } finally {
      inside.updates--;
      this.#unlock();
    }
  }

  /**
   * Calls `change` while nobody reads these blocks of the region, and makes copies of them useless. `from` and `to`
   * are the bytes that it writes. REQUIRES: within {@link locked}.
   */
  writing(from: number, to: number, change: () => void): void {
    const { table } = this;
    const first = Math.floor(from / replicaBlockBytes);
    const last = Math.floor((to - 1) / replicaBlockBytes);
    const range = packBlocks(first, last);
    table.writeRange = range;
    const torn = new Set<number>();
    for (let block = first; block <= last; block++) {
      const version = table.version(block);
      if (version % 2 === 0) table.setVersion(block, version + 1);
      else if (!covers(from, to, block, table.parts.byteLength)) torn.add(block);
    }
    this.#drain(range);
    change();
    let invalidations = 0;
    for (let block = first; block <= last; block++) {
      // What a writer left half written stays that until all of it is written.
      if (torn.has(block)) continue;
      const version = table.version(block);
      invalidations += this.#copiesOf(block, version - 1);
      table.setVersion(block, (version + 1) & versionMask);
    }
    table.writeRange = noBlocks;
    table.countWrite(invalidations);
  }

  /** Throws `ERR_TIER_CORRUPT` when one of these blocks was left half written. REQUIRES: within {@link locked}. */
  requireWhole(from: number, to: number): void {
    const last = Math.floor((to - 1) / replicaBlockBytes);
    for (let block = Math.floor(from / replicaBlockBytes); block <= last; block++) {
      if (this.table.version(block) % 2 !== 0) throw this.#tornError(block);
    }
  }

  // --- inside -----------------------------------------------------------------------------------------

  /** A block of the range that is being written, or was left half written; -1 for none. */
  #unstable(range: number, before: number): number {
    const { table } = this;
    for (let block = firstBlock(range); block <= lastBlock(range); block++) {
      if (table.version(block) % 2 === 0) continue;
      const written = table.writeRange;
      // The writer waits until this thread lets go of what it holds already, so nothing is written before.
      const waits = overlap(before, written) && overlap(packBlocks(block, block), written);
      if (!waits) return block;
    }
    return -1;
  }

  /** Waits for the end of a write that made a block's version odd. */
  #awaitWriter(block: number, version: number): void {
    const { table } = this;
    const holder = Atomics.load(table.words, lockWord);
    if (holder !== 0 && holder !== this.number + 1) this.#wait(lockWord, holder, holder - 1);
    else if (table.version(block) === version) throw this.#tornError(block);
  }

  /** Waits a while for a word that a thread will change, or that is changed because the thread has ended. */
  #wait(word: number, value: number, thread: number): void {
    const waited = Atomics.wait(this.table.words, word, value, waitMs);
    if (waited === 'timed-out') evictIfEnded(this.table, thread, this.#threads);
  }

  #lock(): void {
    const { words } = this.table;
    const mine = this.number + 1;
    for (;;) {
      const holder = Atomics.compareExchange(words, lockWord, 0, mine);
      if (holder === 0) return;
      this.#wait(lockWord, holder, holder - 1);
    }
  }

  #unlock(): void {
    const { words } = this.table;
    Atomics.store(words, lockWord, 0);
    Atomics.notify(words, lockWord);
  }

  /** Waits until nobody reads the blocks. */
  #drain(range: number): void {
    const { table } = this;
    table.draining = true;
    for (let thread = 0; thread < table.threadsEnd; thread++) {
      for (let hold = table.hold(thread); overlap(hold, range); hold = table.hold(thread)) {
        this.#wait(table.holdWord(thread), hold, thread);
      }
    }
    table.draining = false;
  }

  /** Copies that a block's write makes useless. */
  #copiesOf(block: number, version: number): number {
    let copies = 0;
    for (let node = 0; node < this.table.parts.nodes.length; node++) {
      if (this.table.held(node, block) === version) copies++;
    }
    return copies;
  }

  #enter(): number {
    const { id, startedAt } = this.#threads.current;
    const enter = (): number => {
      for (let thread = 0; thread < maxReplicaThreads; thread++) {
        if (this.table.enter(thread, id, startedAt)) return thread;
      }
      return -1;
    };
    let thread = enter();
    if (thread < 0) {
      evictEnded(this.table, this.#threads);
      thread = enter();
    }
    if (thread >= 0) return thread;
    throw new TierError(
      'ERR_TIER_BUSY',
      `The region is attached ${maxReplicaThreads} times, which is the most there can be.`,
      { hint: 'Attach it once a thread, and release it where it is not needed any more.' },
    );
  }

  #tornError(block: number): TierError {
    const from = block * replicaBlockBytes;
    const to = Math.min(from + replicaBlockBytes, this.table.parts.byteLength);
    return new TierError(
      'ERR_TIER_CORRUPT',
      `A thread ended while it wrote the region: bytes ${from} to ${to} are half old, half new.`,
      { hint: 'Write all of these bytes again.' },
    );
  }
}

/** Takes from threads that have ended what they had: numbers, holds, the lock. */
export function evictEnded(table: ReplicaTable, threads: Pick<ReplicaThreads, 'isAlive'>): void {
  for (let thread = 0; thread < table.threadsEnd; thread++) evictIfEnded(table, thread, threads);
}

function evictIfEnded(
  table: ReplicaTable,
  thread: number,
  threads: Pick<ReplicaThreads, 'isAlive'>,
): void {
  const id = table.threadId(thread);
  if (id <= 0 || threads.isAlive({ id, startedAt: table.startedAt(thread) })) return;
  // Its number stays taken until nothing bears it: the next to have it would have the lock, too.
  if (!table.beginLeave(thread, id)) return;
  const { words } = table;
  // What it left half written is told by versions.
  Atomics.compareExchange(words, lockWord, thread + 1, 0);
  Atomics.notify(words, lockWord);
  for (let node = 0; node < table.parts.nodes.length; node++) {
    for (let block = 0; block < table.blocks; block++) {
      table.changeHeld(node, block, heldBy(thread), nothingHeld);
    }
  }
  table.endLeave(thread);
}

/** The threads of this process, seen from the calling one. Throws `ERR_TIER_UNAVAILABLE` without `/proc`. */
export function processThreads(native: NumaBinding): ReplicaThreads {
  const { threadId: id } = native.currentThread();
  return {
    current: { id, startedAt: native.threadStart(id) },
    isAlive(thread) {
      try {
        return native.threadStart(thread.id) === thread.startedAt;
      } catch (error) {
        return !(error instanceof TierError && error.code === 'ERR_TIER_UNAVAILABLE');
      }
    },
  };
}

/** Whether bytes `from` to `to` are all of a block. */
function covers(from: number, to: number, block: number, byteLength: number): boolean {
  const start = block * replicaBlockBytes;
  return from <= start && to >= Math.min(start + replicaBlockBytes, byteLength);
}
