import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dataCode } from '../../lib/memory/data.ts';
import { Handle } from '../../lib/memory/handle.ts';
import type { Lease } from '../../lib/memory/lease.ts';
import { ownerOf } from '../support/damageable-heap.ts';
import { modelStore } from '../support/stores.ts';

const tierCount = 3;
const order = { tiers: [0, 1, 2], node: -1, pinned: false };
const anyOrder = (first: number) => ({
  ...order,
  tiers: [first, ...order.tiers.filter((tier) => tier !== first)],
});

/** Bytes that depend on every input, so that a mix-up of objects cannot go unseen. */
function content(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (Math.imul(seed + i, 0x9e3779b1) >>> 24) ^ seed;
  return bytes;
}

/** vitest's own comparison of a megabyte takes seconds. */
function expectSame(actual: Uint8Array, expected: Uint8Array): void {
  expect(Buffer.compare(actual, expected)).toBe(0);
}

const key = fc.nat(15);
const size = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 6, arbitrary: fc.integer({ min: 300, max: 70_000 }) },
  fc.integer({ min: 1_000_000, max: 1_100_000 }),
  fc.integer({ min: 4_000_000, max: 4_200_000 }),
);
const command = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      key,
      size,
      tier: fc.nat(2),
      verify: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('write' as const), key, size }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('move' as const), key, tier: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('lease' as const), key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unlease' as const), at: fc.nat(9) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('snapshot' as const), dryRun: fc.boolean() }),
  },
);

describe('an object store', () => {
  it('behaves as a Map of byte arrays, whatever is stored, rewritten, moved, leased and deleted', async () => {
    let moves = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(command, { minLength: 40, maxLength: 150, size: 'max' }),
        async (commands) => {
          const store = modelStore([6, 10, 64]);
          const owner = ownerOf(store);
          const model = new Map<number, Uint8Array>();
          const leases: { lease: Lease<Uint8Array>; bytes: Uint8Array }[] = [];
          let seed = 0;
          for (const step of commands) {
            if (step.kind === 'put') {
              const bytes = content(++seed, step.size);
              store.put(step.key, dataCode(bytes), bytes, () => anyOrder(step.tier), step.verify);
              model.set(step.key, bytes);
            } else if (step.kind === 'write') {
              const id = store.find(step.key);
              if (id < 0) continue;
              const bytes = content(++seed, step.size);
              new Handle<Uint8Array>(owner, id, false).write(bytes);
              model.set(step.key, bytes);
            } else if (step.kind === 'delete') {
              const id = store.find(step.key);
              expect(id >= 0).toBe(model.delete(step.key));
              if (id >= 0) store.remove(id);
            } else if (step.kind === 'move') {
              const id = store.find(step.key);
              if (id < 0) continue;
              const from = store.space.tierOf(id);
              const large = store.space.largeOf(id);
              const unit = large === undefined ? id : 2 ** 32 + large.firstChunk;
              if (from === step.tier) continue;
              const outcome = await store.units.move(unit, from, step.tier);
              if (outcome === 'moved') {
                moves++;
                expect(store.space.tierOf(id)).toBe(step.tier);
              } else {
                expect(['leased', 'full']).toContain(outcome);
                expect(store.space.tierOf(id)).toBe(from);
              }
            } else if (step.kind === 'lease') {
              const id = store.find(step.key);
              if (id < 0) continue;
              const lease = new Handle<Uint8Array>(owner, id, false).lease();
              leases.push({ lease, bytes: model.get(step.key)! });
            } else if (step.kind === 'unlease') {
              const [entry] = leases.splice(step.at % (leases.length || 1), 1);
              entry?.lease.dispose();
            } else {
              const { dryRun } = step;
              const { units } = store.units.snapshot({
                halfLifeAccesses: 1000,
                maxUnits: Infinity,
                dryRun,
              });
              const seen = new Set(units.id.subarray(0, units.length));
              expect(seen.size).toBe(units.length);
            }
            for (const { lease, bytes } of leases) expectSame(lease.view, bytes);
          }
          expect(store.count).toBe(model.size);
          for (const [name, bytes] of model) {
            const id = store.find(name);
            expectSame(new Handle<Uint8Array>(owner, id, false).read(), bytes);
          }
          for (const { lease } of leases) lease.dispose();
          expect(store.holds.open).toBe(0);
          for (const name of model.keys()) store.remove(store.find(name));
          // Nothing is charged, nothing is left, and the heat books are balanced.
          for (let tier = 0; tier < tierCount; tier++)
            expect(store.space.set.usedBytes(tier)).toBe(0);
          expect(store.units.unitCounts()).toEqual([0, 0, 0]);
          const { histograms } = store.units.snapshot({
            halfLifeAccesses: 1000,
            maxUnits: Infinity,
          });
          for (const { bins } of histograms) expect(bins.every((bytes) => bytes === 0)).toBe(true);
          store.close();
        },
      ),
      { numRuns: 100 },
    );
    expect(moves).toBeGreaterThan(100);
  });
});
