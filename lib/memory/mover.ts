/**
 * Moves one unit. A small object is copied to a slot of the target tier; a chunk keeps its address and gets
 * another backing. Whatever the outcome, the bytes are whole and in exactly one place.
 */

import { TierError } from '../errors.ts';
import type { MoveOutcome } from '../migration/migration-target.ts';
import type { BackendState } from './backend-set.ts';
import type { HeatLedger } from './heat-ledger.ts';
import { chunkUnitBase, type LargeObject } from './large-object.ts';
import type { MayMove, ObjectSpace } from './object-space.ts';
import {
  leasedFlag,
  lengthWord,
  liveFlag,
  pinnedFlag,
  recordWords,
  segmentMask,
  segmentShift,
  whereWord,
} from './object-table.ts';

/** Moves units between tiers. */
export class Mover {
  readonly #space: ObjectSpace;
  readonly #ledger: HeatLedger;

  constructor(space: ObjectSpace, ledger: HeatLedger) {
    this.#space = space;
    this.#ledger = ledger;
  }

  /** See `MigrationTarget.move`. */
  move(unit: number, from: number, to: number): MoveOutcome | Promise<MoveOutcome> {
    if (unit >= chunkUnitBase) return this.#moveChunk(unit - chunkUnitBase, from, to);
    return this.moveSmall(unit, from, to);
  }

  /** Moves a small object by copy. */
  moveSmall(id: number, from: number, to: number): MoveOutcome {
    const space = this.#space;
    const where = this.#where(id);
    if ((where & liveFlag) === 0) return 'gone';
    if ((where & (leasedFlag | pinnedFlag)) !== 0) return 'leased';
    if (space.tierOf(id) !== from) return 'elsewhere';
    const chunk = space.chunkOf(id);
    const byteOffset = space.byteOffsetOf(id);
    const length =
      space.table.words[id >>> segmentShift][(id & segmentMask) * recordWords + lengthWord];
    const node = space.set.backendOf(chunk).node;
    this.#ledger.leaving(id);
    const placed = this.placeSmall(id, length, to, node);
    if (placed) space.copyFrom(id, chunk, byteOffset);
    this.#ledger.arrived(id);
    return placed ? 'moved' : 'full';
  }

  /** As `ObjectSpace.placeSmall`, closing holes in the tier's slabs when it has no room otherwise. */
  placeSmall(id: number, byteLength: number, tier: number, node: number): boolean {
    const space = this.#space;
    return (
      space.placeSmall(id, byteLength, tier, node) ||
      (space.compact(tier, byteLength, this.mayMove) &&
        space.placeSmall(id, byteLength, tier, node))
    );
  }

  /** Within its tier any object may be moved but one that a lease sees or that is being made. */
  readonly mayMove: MayMove = (id) => (this.#where(id) & (leasedFlag | liveFlag)) === liveFlag;

  #moveChunk(chunk: number, from: number, to: number): MoveOutcome | Promise<MoveOutcome> {
    const { set, largeOfChunk } = this.#space;
    const object = largeOfChunk.get(chunk);
    if (object === undefined) return 'gone';
    if (set.tierOf(chunk) !== from) return 'elsewhere';
    const where = this.#where(object.id);
    if ((where & (leasedFlag | pinnedFlag)) !== 0 || object.moving) return 'leased';
    const source = set.backendOf(chunk);
    const target = set
      .preferred(to, source.node)
      .find((backend) => this.#space.makeRunRoom(backend, 1, this.mayMove));
    if (target === undefined) return 'full';
    if (set.canMovePages(source, target)) return this.#movePages(object, chunk, from, target);
    // Other threads may hold the view, and the copy stops only this one.
    if (object.exposed && !object.ownerThreadOnly) return 'unsupported';
    return this.#reback(object, chunk, from, target);
  }

  #reback(object: LargeObject, chunk: number, from: number, target: BackendState): MoveOutcome {
    try {
      const result = this.#space.set.heap.rebackChunk(chunk, target.index);
      if (result.applied === 0) return 'refused';
    } catch (error) {
      return this.#failure(error);
    }
    this.#arrived(object, chunk, from, target);
    return 'moved';
  }

  async #movePages(
    object: LargeObject,
    chunk: number,
    from: number,
    target: BackendState,
  ): Promise<MoveOutcome> {
    object.moving = true;
    try {
      const result = await this.#space.set.heap.movePages(chunk, 1, target.index);
      if (result.applied === 0) return 'refused';
      this.#arrived(object, chunk, from, target);
      return 'moved';
    } catch (error) {
      return this.#failure(error);
    } finally {
      object.moving = false;
      if (object.doomed) this.#space.freeLarge(object);
    }
  }

  #arrived(object: LargeObject, chunk: number, from: number, target: BackendState): void {
    this.#space.set.chunkMoved(chunk, target);
    if (!object.doomed)
      this.#ledger.chunkMoved(object, chunk - object.firstChunk, from, target.tier);
  }

  #failure(error: unknown): MoveOutcome {
    if (!(error instanceof TierError)) throw error;
    return error.code === 'ERR_TIER_FULL' ? 'full' : 'refused';
  }

  #where(id: number): number {
    const words = this.#space.table.words[id >>> segmentShift];
    return words === undefined ? 0 : words[(id & segmentMask) * recordWords + whereWord];
  }
}
