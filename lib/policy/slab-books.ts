/**
 * Slabs in a plan. Small units live in slabs of one size each, so a tier can have room for many bytes and none for a
 * unit whose slabs are full: that matters where a tier is not much larger than a slab for each size in use.
 */

import type { Snapshot } from './policy.ts';

/** What of the tiers' slabs is left as a plan goes on. Without slabs in the snapshot everything fits. */
export class SlabBooks {
  readonly #snapshot: Snapshot;
  /** Index of the shape, by bytes of its slots. */
  readonly #shapes: Map<number, number> = new Map();
  /** By tier: bytes of what it holds, slabs counted whole; and free slots of slabs that are begun, by shape. */
  readonly #packedBytes: number[];
  readonly #freeSlots: number[][];

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    snapshot.slabShapes?.forEach(({ slotBytes }, shape) => {
      this.#shapes.set(slotBytes, shape);
    });
    this.#packedBytes = snapshot.tiers.map(
      ({ slabs, usedBytes }) => slabs?.packedBytes ?? usedBytes,
    );
    this.#freeSlots = snapshot.tiers.map(({ slabs }) => [...(slabs?.freeSlots ?? [])]);
  }

  /** Bytes missing in `tier` for a slab for a unit of `bytes` bytes; 0 or less when it needs none, or there is room. */
  missing(tier: number, bytes: number): number {
    const shape = this.#shapes.get(bytes);
    if (shape === undefined || this.#freeSlots[tier][shape] > 0) return -Infinity;
    const { slabBytes } = (this.#snapshot.slabShapes ?? [])[shape];
    return this.#packedBytes[tier] + slabBytes - this.#snapshot.tiers[tier].capacityBytes;
  }

  /** A unit goes from one tier to another. Called with the tiers exchanged it takes that back. */
  moved(bytes: number, from: number, to: number): void {
    const shape = this.#shapes.get(bytes);
    if (shape === undefined) {
      this.#packedBytes[from] -= bytes;
      this.#packedBytes[to] += bytes;
      return;
    }
    const { slots, slabBytes } = (this.#snapshot.slabShapes ?? [])[shape];
    if (this.#freeSlots[to][shape] === 0) {
      this.#freeSlots[to][shape] = slots;
      this.#packedBytes[to] += slabBytes;
    }
    this.#freeSlots[to][shape]--;
    if (++this.#freeSlots[from][shape] < slots) return;
    this.#freeSlots[from][shape] = 0;
    this.#packedBytes[from] -= slabBytes;
  }
}
