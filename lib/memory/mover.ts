/**
 * Moves one unit. A small object is copied to a slot of the target tier; a chunk keeps its address and gets
 * another backing. Whatever the outcome, the bytes are whole and in exactly one place: verified bytes are checked
 * before and after, and lost ones stay where they are.
 */

import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { TierError } from '../errors.ts';
import type { FailedMove, MoveResult } from '../migration/migration-target.ts';
import { chunkBytes } from '../native.ts';
import { SliceClock, Slices } from '../slices.ts';
import type { BackendState, Near } from './backend-set.ts';
import { checksum, checksumInSlices, chunkOfBytes } from './checksums.ts';
import type { ChunkMoveResult } from './heap-binding.ts';
import type { HeatLedger } from './heat-ledger.ts';
import type { Integrity } from './integrity.ts';
import { chunkUnitBase, type LargeObject } from './large-object.ts';
import type { MayMove, ObjectSpace } from './object-space.ts';
import {
  leasedFlag,
  liveFlag,
  pinnedFlag,
  recordWords,
  segmentMask,
  segmentShift,
  watchedFlag,
  whereWord,
} from './object-table.ts';

/** Between tiers, with a node that is preferred; or from a tier to itself, on another node of it. */
interface Way {
  readonly from: number;
  readonly to: number;
  readonly node: number | undefined;
}

/** One chunk on its way. */
interface Carriage {
  readonly object: LargeObject;
  readonly chunk: number;
  readonly source: BackendState;
  readonly target: BackendState;
  readonly signal: AbortSignal | undefined;
}

/** A chunk of a verified object as it should arrive. */
interface Original {
  readonly bytes: Uint8Array;
  /** The object's sums that this was checked against: others come with other bytes. */
  readonly sums: Uint32Array;
}

/** Of main-thread work of moves, unless told otherwise. */
const defaultSliceBudgetNs = 200_000;

/** Moves units between tiers. */
export class Mover {
  readonly #space: ObjectSpace;
  readonly #ledger: HeatLedger;
  readonly #integrity: Integrity;
  readonly #sliceClock: SliceClock;
  /** Nanoseconds for which accesses to a chunk were held back, or this thread was, by moves so far. */
  readonly pauses: RecordableHistogram = createHistogram();

  /** By `sliceClock` the copying and summing of verified chunks keeps to its share of the main thread. */
  constructor(
    space: ObjectSpace,
    ledger: HeatLedger,
    integrity: Integrity,
    sliceClock: SliceClock = new SliceClock(defaultSliceBudgetNs),
  ) {
    this.#space = space;
    this.#ledger = ledger;
    this.#integrity = integrity;
    this.#sliceClock = sliceClock;
  }

  /** See `MigrationTarget.move`. */
  move(
    unit: number,
    from: number,
    to: number,
    signal?: AbortSignal,
    node?: number,
  ): MoveResult | Promise<MoveResult> {
    this.#integrity.settle();
    if (unit < chunkUnitBase) return this.moveSmall(unit, from, to, node);
    return this.#moveChunk(unit - chunkUnitBase, { from, to, node }, signal);
  }

  /** Moves a small object by copy. */
  moveSmall(id: number, from: number, to: number, node?: number): MoveResult {
    const space = this.#space;
    const where = this.#where(id);
    if ((where & liveFlag) === 0) return 'gone';
    if ((where & (leasedFlag | pinnedFlag)) !== 0) return 'leased';
    if (space.tierOf(id) !== from) return 'elsewhere';
    if (!this.mayMove(id)) return 'damaged';
    const chunk = space.chunkOf(id);
    const byteOffset = space.byteOffsetOf(id);
    const here = space.set.backendOf(chunk).node;
    if (from === to && (node === undefined || node === here)) return 'elsewhere';
    this.#ledger.leaving(id);
    const placed =
      from === to
        ? space.placeSmallOn(id, space.byteLength(id), to, node as number)
        : this.placeSmall(id, space.byteLength(id), to, node ?? here);
    const copied = placed && space.copyFrom(id, chunk, byteOffset);
    this.#ledger.arrived(id);
    if (copied) return 'moved';
    return placed ? this.#badCopy(id) : 'full';
  }

  /** As `ObjectSpace.placeSmall`, closing holes in the tier's slabs when it has no room otherwise. */
  placeSmall(id: number, byteLength: number, tier: number, node: Near): boolean {
    const space = this.#space;
    return (
      space.placeSmall(id, byteLength, tier, node) ||
      (space.compactor.makeRoom(tier, byteLength, this.mayMove) &&
        space.placeSmall(id, byteLength, tier, node))
    );
  }

  /**
   * Within its tier any object may be moved but one that a lease sees, that is being made, or that is damaged. Looks
   * at every byte of a verified object.
   */
  readonly mayMove: MayMove = (id) => {
    const where = this.#where(id);
    if ((where & (leasedFlag | liveFlag)) !== liveFlag) return false;
    return (where & watchedFlag) === 0 || this.#integrity.check(id);
  };

  #moveChunk(
    chunk: number,
    { from, to, node }: Way,
    signal: AbortSignal | undefined,
  ): MoveResult | Promise<MoveResult> {
    const { set, largeOfChunk } = this.#space;
    const object = largeOfChunk.get(chunk);
    if (object === undefined) return 'gone';
    if (set.tierOf(chunk) !== from) return 'elsewhere';
    const where = this.#where(object.id);
    if ((where & (leasedFlag | pinnedFlag)) !== 0 || object.moving) return 'leased';
    if (set.damage.has(chunk) || this.#integrity.book.has(object.id)) return 'damaged';
    const source = set.backendOf(chunk);
    if (from === to && (node === undefined || node === source.node)) return 'elsewhere';
    const target = set
      .preferred(to, node ?? object.nodes?.[chunk - object.firstChunk] ?? source.node)
      .filter((backend) => from !== to || backend.node === node)
      .find((backend) => this.#space.compactor.makeRunRoom(backend, 1, this.mayMove));
    if (target === undefined) return 'full';
    const movable = set.canMovePages(source, target);
    const live = movable || set.heap.migrationMode === 'transparent';
    // Other threads may hold the view, and the copy stops only this one.
    if (!live && !this.#isOurs(object)) return 'unsupported';
    const carriage = { object, chunk, source, target, signal };
    if (!live) return this.#reback(carriage);
    const { heap } = set;
    return this.#moveLive(carriage, (backend) =>
      movable ? heap.movePages(chunk, 1, backend) : heap.moveChunk(chunk, backend),
    );
  }

  #isOurs(object: LargeObject): boolean {
    if (!object.exposed) return true;
    return object.ownerThreadOnly && this.#space.set.heap.attachedThreads(object.firstChunk) === 0;
  }

  #reback(carriage: Carriage): MoveResult {
    const { heap } = this.#space.set;
    const { object, chunk, source, target } = carriage;
    const original = this.#original(object, chunk);
    if (original === 'damaged') return original;
    try {
      const result = heap.rebackChunk(chunk, target.index);
      this.#notePause(result);
      if (result.applied === 0) return refused(result);
    } catch (error) {
      return this.#failure(error, carriage);
    }
    if (this.#isWhole(carriage, original)) return this.#arrived(carriage, chunkBytes);
    let back = false;
    try {
      back = heap.rebackChunk(chunk, source.index).applied > 0;
    } catch (error) {
      if (!(error instanceof TierError)) throw error;
    }
    return this.#restored(carriage, original, back);
  }

  /** In the background; `carry` moves the chunk to a backend. */
  async #moveLive(
    carriage: Carriage,
    carry: (backend: number) => Promise<ChunkMoveResult>,
  ): Promise<MoveResult> {
    const { object, chunk, source, target, signal } = carriage;
    const isAborted = (): boolean => signal?.aborted === true;
    const cancel = (): void => this.#space.set.heap.cancelMove(object.firstChunk);
    return this.#whileMoving(object, async () => {
      const { sums } = object;
      const original = sums && (await this.#originalInSlices(object, chunk, sums));
      if (typeof original === 'string') return original;
      if (isAborted()) return 'cancelled';
      signal?.addEventListener('abort', cancel, { once: true });
      try {
        const result = await carry(target.index);
        this.#notePause(result);
        if (result.applied === 0 && isAborted()) return 'cancelled';
        if (result.applied === 0) return refused(result);
        if (await this.#isWholeInSlices(carriage, original)) {
          return this.#arrived(carriage, result.copiedBytes);
        }
        const back = await carry(source.index).catch(() => undefined);
        return this.#restored(carriage, original, back !== undefined && back.applied > 0);
      } catch (error) {
        return this.#failure(error, carriage);
      } finally {
        signal?.removeEventListener('abort', cancel);
      }
    });
  }

  /** Does work in the background during which a large object is not freed, and not moved by anybody else. */
  async #whileMoving<T>(object: LargeObject | undefined, work: () => Promise<T>): Promise<T> {
    if (object === undefined) return work();
    object.moving = true;
    try {
      return await work();
    } finally {
      object.moving = false;
      if (object.doomed) this.#space.freeLarge(object);
    }
  }

  /**
   * Brings a chunk that strayed from its backend's node back to it; safe while it is used. `false` when it stays
   * where it is.
   */
  async bringHome(chunk: number): Promise<boolean> {
    const { set, largeOfChunk } = this.#space;
    const object = largeOfChunk.get(chunk);
    if (object?.moving) return false;
    return this.#whileMoving(object, async () => {
      try {
        return (await set.heap.movePages(chunk, 1, set.backendOf(chunk).index)).applied > 0;
      } catch (error) {
        if (!(error instanceof TierError)) throw error;
        return false;
      }
    });
  }

  /** A copy of a verified chunk; undefined of any other. */
  #original(object: LargeObject, chunk: number): Original | undefined | 'damaged' {
    const { sums } = object;
    if (sums === undefined) return undefined;
    const index = chunk - object.firstChunk;
    const bytes = chunkOfBytes(object.bytes as Uint8Array, index).slice();
    if (checksum(bytes) === sums[index]) return { bytes, sums };
    this.#integrity.condemn(object.id);
    return 'damaged';
  }

  /** The same in slices, between which somebody can lease or write the chunk: then it is not to be moved now. */
  async #originalInSlices(
    object: LargeObject,
    chunk: number,
    sums: Uint32Array,
  ): Promise<Original | 'damaged' | 'gone' | 'leased'> {
    const index = chunk - object.firstChunk;
    const source = chunkOfBytes(object.bytes as Uint8Array, index);
    const bytes = new Uint8Array(source.byteLength);
    const sum = await checksumInSlices(this.#slices(), source, bytes);
    if (this.#isForgotten(object)) return 'gone';
    const held = (this.#where(object.id) & (leasedFlag | pinnedFlag)) !== 0;
    if (held || object.sums !== sums) return 'leased';
    if (sum === sums[index]) return { bytes, sums };
    this.#integrity.condemn(object.id);
    return 'damaged';
  }

  #isWhole(carriage: Carriage, original: Original | undefined): boolean {
    if (this.#mayDiffer(carriage, original)) return true;
    const { object, chunk } = carriage;
    return this.#integrity.chunkMatches(object, chunk - object.firstChunk);
  }

  async #isWholeInSlices(carriage: Carriage, original: Original | undefined): Promise<boolean> {
    const { object, chunk } = carriage;
    if (original === undefined || this.#mayDiffer(carriage, original)) return true;
    const index = chunk - object.firstChunk;
    const bytes = chunkOfBytes(object.bytes as Uint8Array, index);
    const sum = await checksumInSlices(this.#slices(), bytes);
    return sum === original.sums[index] || this.#mayDiffer(carriage, original);
  }

  /** What arrived need not be what left: nothing is known of it, or it was written since. */
  #mayDiffer({ object }: Carriage, original: Original | undefined): boolean {
    if (original === undefined || this.#isForgotten(object)) return true;
    // The sum comes when the lease ends.
    return this.#integrity.isBeingWritten(object.id) || object.sums !== original.sums;
  }

  /** After a verified chunk arrived changed: it was taken `back` or stays, with the bytes it had. */
  #restored(carriage: Carriage, original: Original | undefined, back: boolean): MoveResult {
    const { object, chunk } = carriage;
    if (!this.#isWhole(carriage, original)) {
      const bytes = chunkOfBytes(object.bytes as Uint8Array, chunk - object.firstChunk);
      bytes.set((original as Original).bytes);
    }
    // What cannot be written is not there either.
    if (!this.#isWhole(carriage, original)) this.#integrity.condemn(object.id);
    if (back) return { outcome: 'refused', code: 'ERR_TIER_CORRUPT' };
    return this.#arrived(carriage, chunkBytes);
  }

  #slices(): Slices {
    return new Slices(this.#sliceClock);
  }

  #arrived({ object, chunk, source, target }: Carriage, copiedBytes: number): MoveResult {
    this.#space.set.chunkMoved(chunk, target);
    if (!this.#isForgotten(object)) {
      this.#ledger.chunkMoved(object, chunk - object.firstChunk, source.tier, target.tier);
    }
    // Of memory nobody asks what was written to it.
    const isFile = target.config.kind === 'file';
    return isFile && copiedBytes < chunkBytes ? { outcome: 'moved', copiedBytes } : 'moved';
  }

  /** Deleted, rewritten elsewhere or closed during the move: leases may still see it, but it is nobody's data. */
  #isForgotten(object: LargeObject): boolean {
    return this.#space.largeOfChunk.get(object.firstChunk) !== object;
  }

  #notePause({ pauseNs }: ChunkMoveResult): void {
    if (pauseNs > 0) this.pauses.record(Math.round(pauseNs));
  }

  #badCopy(id: number): FailedMove {
    const code = this.#space.set.damage.moved ? 'ERR_TIER_LOST' : 'ERR_TIER_CORRUPT';
    this.#integrity.settle();
    return { outcome: this.#integrity.book.has(id) ? 'damaged' : 'refused', code };
  }

  #failure(error: unknown, { chunk }: Carriage): MoveResult {
    if (!(error instanceof TierError)) throw error;
    const { code } = error;
    if (code === 'ERR_TIER_FULL') return 'full';
    this.#integrity.settle();
    return { outcome: this.#space.set.damage.has(chunk) ? 'damaged' : 'refused', code };
  }

  #where(id: number): number {
    const words = this.#space.table.words[id >>> segmentShift];
    return words === undefined ? 0 : words[(id & segmentMask) * recordWords + whereWord];
  }
}

/** Nothing was moved: what the kernel said of the first page that stayed. */
function refused({ reasons }: ChunkMoveResult): MoveResult {
  const [code] = Object.keys(reasons);
  // By a lease or pin that came meanwhile.
  if (code === 'CANCELLED') return 'leased';
  return code === undefined ? 'refused' : { outcome: 'refused', code };
}
