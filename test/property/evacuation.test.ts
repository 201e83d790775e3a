import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Handle } from '../../lib/memory/handle.ts';
import type { Lease } from '../../lib/memory/lease.ts';
import type { ObjectStore } from '../../lib/memory/object-store.ts';
import { unitBytes } from '../../lib/memory/size-classes.ts';
import { ownerOf } from '../support/damageable-heap.ts';
import { modelStore } from '../support/stores.ts';

const keys = 4000;
const maxFragmentation = 1.25;

/** Bytes that depend on both inputs, so that a mix-up of objects cannot go unseen. */
function content(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (Math.imul(seed + i, 0x9e3779b1) >>> 24) ^ seed;
  return bytes;
}

function isSame(actual: Uint8Array, expected: Uint8Array): boolean {
  return Buffer.compare(actual, expected) === 0;
}

/** xorshift32 (Marsaglia, 2003): whole numbers below a bound. */
function randomStream(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** A store, what it should hold, and what leases should see. */
class Churn {
  readonly store: ObjectStore = modelStore([256]);
  readonly model: Map<number, Uint8Array> = new Map();
  readonly leases: { readonly lease: Lease<Uint8Array>; readonly bytes: Uint8Array }[] = [];
  evacuatedBytes = 0;
  readonly #owner = ownerOf(this.store);
  readonly #random: (below: number) => number;
  #sizes: readonly number[];
  #work: Iterator<number, void> | undefined;
  #serial = 0;

  constructor(seed: number, sizes: readonly number[]) {
    this.#random = randomStream(seed);
    this.#sizes = sizes;
  }

  /** Other sizes from now on. */
  use(sizes: readonly number[]): void {
    this.#sizes = sizes;
  }

  put(key: number): void {
    const bytes = content(++this.#serial, this.#sizes[this.#random(this.#sizes.length)]);
    const verify = this.#random(8) === 0;
    this.store.put(key, 0, bytes, () => ({ tiers: [0], node: -1, pinned: false }), verify);
    this.model.set(key, bytes);
  }

  remove(key: number): void {
    const id = this.store.find(key);
    expect(id >= 0).toBe(this.model.delete(key));
    if (id >= 0) this.store.remove(id);
  }

  /** Random changes, most of them to few keys; a step of evacuation now and then, and leases that stay open. */
  run(operations: number): void {
    for (let i = 0; i < operations; i++) {
      const key = this.#skewedKey();
      const what = this.#random(20);
      if (what < 9) this.put(key);
      else if (what < 14) this.remove(key);
      else if (what === 14) this.#lease(key);
      else if (what === 15) this.#unlease();
      else this.#evacuate();
    }
  }

  /** Frees about so many of ten. */
  free(ofTen: number): void {
    for (const key of [...this.model.keys()]) if (this.#random(10) < ofTen) this.remove(key);
  }

  /** Finishes what was begun, then does all there is. */
  tidy(): void {
    this.#work?.return?.();
    this.#work = undefined;
    for (const bytes of this.store.units.tidy(true) ?? []) this.evacuatedBytes += bytes;
  }

  unleaseAll(): void {
    while (this.leases.length > 0) this.#unlease();
  }

  /** Every key has its bytes, and every lease those that were there when it was opened. */
  check(): void {
    expect(this.store.count).toBe(this.model.size);
    for (const [key, bytes] of this.model) {
      const handle = new Handle<Uint8Array>(this.#owner, this.store.find(key), false);
      expect(isSame(handle.read(), bytes)).toBe(true);
    }
    for (const { lease, bytes } of this.leases) expect(isSame(lease.view, bytes)).toBe(true);
  }

  get usedBytes(): number {
    return this.store.space.set.usedBytes(0);
  }

  get liveBytes(): number {
    return this.usedBytes - this.store.space.allocators[0].holeBytes;
  }

  #skewedKey(): number {
    return Math.floor(keys * (this.#random(1 << 16) / (1 << 16)) ** 3);
  }

  #lease(key: number): void {
    const bytes = this.model.get(key);
    if (bytes === undefined || this.leases.length >= 12) return;
    const handle = new Handle<Uint8Array>(this.#owner, this.store.find(key), false);
    this.leases.push({ lease: handle.lease(), bytes });
  }

  #unlease(): void {
    const [entry] = this.leases.splice(this.#random(this.leases.length || 1), 1);
    if (entry === undefined) return;
    expect(isSame(entry.lease.view, entry.bytes)).toBe(true);
    entry.lease.dispose();
  }

  #evacuate(): void {
    this.#work ??= this.store.units.tidy(this.#random(2) === 0);
    const step = this.#work?.next();
    if (step?.done === false) this.evacuatedBytes += step.value;
    else this.#work = undefined;
    if (this.#random(16) !== 0) return;
    this.#work?.return?.();
    this.#work = undefined;
  }
}

const size = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 300, max: 8192 }));
const sizes = fc.array(size, { minLength: 3, maxLength: 3 });

describe('evacuation under churn', () => {
  it('keeps every byte and every lease, closes the holes, and gives all memory back in the end', () => {
    let evacuatedBytes = 0;
    fc.assert(
      fc.property(fc.nat(), sizes, sizes, (seed, before, after) => {
        // Enough of it that the last slab of each class is little.
        const churn = new Churn(seed + 1, [...before, 4096, 6000]);
        for (let key = 0; key < keys; key++) churn.put(key);
        churn.run(4000);
        churn.check();
        churn.free(7);
        churn.check();
        churn.tidy();
        churn.check();
        const heldBytes = churn.leases.length * unitBytes;
        expect(churn.usedBytes - heldBytes).toBeLessThan(maxFragmentation * churn.liveBytes);

        churn.use([...after, 2048, 5000]);
        churn.run(4000);
        churn.check();
        churn.unleaseAll();
        churn.tidy();
        churn.check();
        expect(churn.usedBytes).toBeLessThan(maxFragmentation * churn.liveBytes);
        const { mappedBytes } = churn.store.space.set.heap.backendStats(0);
        expect(mappedBytes).toBeLessThan(maxFragmentation * churn.usedBytes + 2 ** 21);

        churn.free(10);
        expect(churn.usedBytes).toBe(0);
        churn.tidy();
        expect(churn.store.space.set.heap.backendStats(0).mappedBytes).toBe(0);
        evacuatedBytes += churn.evacuatedBytes;
        churn.store.close();
      }),
      { numRuns: 8 },
    );
    expect(evacuatedBytes).toBeGreaterThan(10 * 2 ** 20);
  }, 120_000);
});
