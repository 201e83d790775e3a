import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunkUnitBase } from '../../lib/memory/large-object.ts';
import type { Lease } from '../../lib/memory/lease.ts';
import { chunkBytes } from '../../lib/native.ts';
import { damageableStore, fileTiers, isSame } from '../support/damageable-heap.ts';
import { modelTiers } from '../support/stores.ts';

/** Bytes that depend on every input, so that a mix-up of objects cannot go unseen; never zeros alone. */
function content(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (Math.imul(seed + i, 0x9e3779b1) >>> 24) ^ seed;
  if (length > 0) bytes[0] |= 1;
  return bytes;
}

/** What a value should be, and what happened to it since it was written. */
interface Expected {
  readonly bytes: Uint8Array;
  readonly verified: boolean;
  corrupt: boolean;
  /** Bytes that differ now: a bit that flips twice is right again. */
  readonly flipped: Set<number>;
  lost: boolean;
}

function untouched(): Omit<Expected, 'bytes' | 'verified'> {
  return { corrupt: false, flipped: new Set(), lost: false };
}

const key = fc.nat(7);
const size = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 5000 }) },
  { weight: 3, arbitrary: fc.integer({ min: 5000, max: 70_000 }) },
  fc.integer({ min: 1_000_000, max: 1_100_000 }),
  fc.integer({ min: 4_000_000, max: 4_200_000 }),
);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      key,
      size,
      tier: fc.nat(1),
      verify: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('write' as const), key, size }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('move' as const), key, tier: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lease' as const), key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unlease' as const), at: fc.nat(9) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('read' as const), key }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('corrupt' as const), key, at: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('lose' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('carryBadly' as const) }) },
);

describe('a store whose memory is lost and changes silently', () => {
  it('never returns a byte that was not written, and reads everything that nothing happened to', async () => {
    const seen = { lost: 0, corrupt: 0, good: 0, moved: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.array(step, { minLength: 40, maxLength: 120, size: 'max' }),
        async (onFiles, steps) => {
          const all = damageableStore((onFiles ? fileTiers : modelTiers)([8, 64]));
          const { store, heap } = all;
          const { space } = store;
          const model = new Map<number, Expected>();
          const leases: { lease: Lease<Uint8Array>; bytes: Uint8Array; key: number }[] = [];
          let seed = 0;

          const read = (name: number, expected: Expected): void => {
            const { lost, corrupt, flipped, verified, bytes } = expected;
            let code: unknown;
            try {
              const same = isSame(all.handle(name).read(), bytes);
              expect(same || (corrupt && !verified)).toBe(true);
            } catch (error) {
              ({ code } = error as { code?: unknown });
              if (code === undefined) throw error;
            }
            const allowed = [
              ...(lost ? ['ERR_TIER_LOST'] : []),
              ...(corrupt && verified ? ['ERR_TIER_CORRUPT'] : []),
            ];
            const mayBeGood = !lost && (!verified || flipped.size === 0);
            expect(mayBeGood ? [...allowed, undefined] : allowed).toContain(code);
            if (code === undefined) seen.good++;
            else seen[code === 'ERR_TIER_LOST' ? 'lost' : 'corrupt']++;
          };
          /** First byte and end of a value, counted from the first chunk. */
          const place = (name: number): [number, number] => {
            const id = store.find(name);
            const offset = space.largeOf(id) === undefined ? space.byteOffsetOf(id) : 0;
            const from = space.chunkOf(id) * chunkBytes + offset;
            return [from, from + space.byteLength(id)];
          };

          for (const at of steps) {
            const id = 'key' in at ? store.find(at.key) : -1;
            const expected = 'key' in at ? model.get(at.key) : undefined;
            const isLeased = leases.some((lease) => 'key' in at && lease.key === at.key);
            if (at.kind === 'put') {
              const bytes = content(++seed, at.size);
              const order = { tiers: [at.tier, 1 - at.tier], node: -1, pinned: false };
              store.put(at.key, 0, bytes, () => order, at.verify);
              model.set(at.key, { ...untouched(), bytes, verified: at.verify });
            } else if (at.kind === 'unlease') {
              const [entry] = leases.splice(at.at % (leases.length || 1), 1);
              entry?.lease.dispose();
            } else if (at.kind === 'carryBadly') {
              heap.onCarried = (chunk) => {
                const object = space.largeOfChunk.get(chunk);
                if (object?.sums === undefined) return;
                const index = (chunk - object.firstChunk) * chunkBytes;
                (object.bytes as Uint8Array)[index] ^= 0x10;
                heap.onCarried = undefined;
              };
            } else if (expected === undefined) {
              expect(id).toBe(-1);
            } else if (at.kind === 'write') {
              const bytes = content(++seed, at.size);
              all.handle(at.key).write(bytes);
              model.set(at.key, { ...expected, ...untouched(), bytes });
            } else if (at.kind === 'delete') {
              store.remove(id);
              model.delete(at.key);
            } else if (at.kind === 'move') {
              const from = space.tierOf(id);
              if (from === at.tier) continue;
              const large = space.largeOf(id);
              const unit = large === undefined ? id : chunkUnitBase + large.firstChunk;
              const result = await store.units.move(unit, from, at.tier);
              const outcome = typeof result === 'string' ? result : result.outcome;
              if (outcome === 'moved') seen.moved++;
              if (outcome === 'damaged') expect(expected.lost || expected.corrupt).toBe(true);
              else expect(['moved', 'leased', 'full', 'refused']).toContain(outcome);
              if (outcome === 'refused') expect(large).toBeDefined();
              expect(space.tierOf(id)).toBe(outcome === 'moved' ? at.tier : from);
            } else if (at.kind === 'lease') {
              if (expected.lost || expected.corrupt) continue;
              leases.push({ lease: all.handle(at.key).lease(), ...expected, key: at.key });
            } else if (at.kind === 'read') {
              read(at.key, expected);
            } else if (at.kind === 'corrupt') {
              if (isLeased) continue;
              const byte = at.at % expected.bytes.length;
              all.corrupt(at.key, byte);
              expected.corrupt = true;
              if (!expected.flipped.delete(byte)) expected.flipped.add(byte);
            } else {
              all.lose(at.key);
              const { chunk, byteOffset, byteLength } = heap.damagedRanges().at(-1)!;
              const from = chunk * chunkBytes + byteOffset;
              for (const [name, value] of model) {
                const [start, end] = place(name);
                if (start < from + byteLength && end > from) value.lost = true;
              }
            }
            for (const { lease, bytes } of leases) {
              try {
                expect(isSame(lease.view, bytes)).toBe(true);
              } catch (error) {
                expect(error).toMatchObject({ code: 'ERR_TIER_LOST' });
              }
            }
          }
          for (const [name, expected] of model) read(name, expected);
          const damaged = new Set(store.integrity.book.list().map((unit) => unit.key));
          for (const [name, { lost }] of model) if (lost) expect(damaged).toContain(name);
          for (const { lease } of leases) lease.dispose();
          for (const name of model.keys()) store.remove(store.find(name));
          // Nothing is known any more, charged or kept, and the heat books are balanced.
          expect(store.integrity.book.list()).toEqual([]);
          for (const tier of [0, 1]) expect(space.set.usedBytes(tier)).toBe(0);
          expect(heap.damagedRanges()).toEqual([]);
          const { histograms } = store.units.snapshot({
            halfLifeAccesses: 1000,
            maxUnits: Infinity,
          });
          for (const { bins } of histograms) expect(bins.every((bytes) => bytes === 0)).toBe(true);
          store.close();
        },
      ),
      { numRuns: 60 },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(20);
  });
});
