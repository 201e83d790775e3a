import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SlabShape } from '../../../lib/policy/policy.ts';
import { SlabBooks } from '../../../lib/policy/slab-books.ts';
import { snapshotOf } from './snapshots.ts';

const KiB = 1024;
const shapes: SlabShape[] = [
  { slotBytes: 4 * KiB, slots: 16, slabBytes: 64 * KiB },
  { slotBytes: 20 * KiB, slots: 3, slabBytes: 64 * KiB },
  { slotBytes: 80 * KiB, slots: 4, slabBytes: 320 * KiB },
];
const chunk = 2048 * KiB;
const tierSpecs = [
  { capacityBytes: 8192 * KiB, readLatencyNs: 100 },
  { capacityBytes: 16_384 * KiB, readLatencyNs: 1000 },
];

/** What units of these sizes take, each size packed. */
function packed(units: readonly number[]): { packedBytes: number; freeSlots: number[] } {
  let packedBytes = chunk * units.filter((bytes) => bytes === chunk).length;
  const freeSlots = shapes.map(({ slotBytes, slots, slabBytes }) => {
    const used = units.filter((bytes) => bytes === slotBytes).length;
    packedBytes += Math.ceil(used / slots) * slabBytes;
    return Math.ceil(used / slots) * slots - used;
  });
  return { packedBytes, freeSlots };
}

function booksOf(
  held: readonly (readonly number[])[],
  slabShapes: SlabShape[] | undefined = shapes,
) {
  const snapshot = snapshotOf(tierSpecs, [], { slabShapes });
  const tiers = snapshot.tiers.map((tier, i) => ({ ...tier, slabs: packed(held[i]) }));
  return new SlabBooks({ ...snapshot, tiers });
}

describe('the books of slabs', () => {
  it('ask for a slab where no slab of that size has a slot free, and for nothing where one has', () => {
    const books = booksOf([[4 * KiB], []]);
    expect(books.missing(0, 4 * KiB)).toBe(-Infinity);
    expect(books.missing(0, 20 * KiB)).toBe((64 + 64 - 8192) * KiB);
    expect(books.missing(1, 80 * KiB)).toBe((320 - 16_384) * KiB);
  });

  it('ask nothing for chunks, which are in no slab, and nothing at all without slabs', () => {
    expect(booksOf([[], []]).missing(0, chunk)).toBe(-Infinity);
    expect(booksOf([[], []], []).missing(0, 4 * KiB)).toBe(-Infinity);
  });

  it('are after any moves what packing anew would give, and as before when those are taken back', () => {
    const size = fc.constantFrom(4 * KiB, 20 * KiB, 80 * KiB, chunk);
    fc.assert(
      fc.property(
        fc.tuple(fc.array(size, { maxLength: 40 }), fc.array(size, { maxLength: 40 })),
        fc.array(fc.nat(), { maxLength: 40 }),
        (start, picks) => {
          const held = start.map((units) => [...units]);
          const books = booksOf(held);
          const seen = (): number[] =>
            [0, 1].flatMap((tier) => shapes.map(({ slotBytes }) => books.missing(tier, slotBytes)));
          const expected = (): number[] => {
            const fresh = booksOf(held);
            return [0, 1].flatMap((tier) =>
              shapes.map(({ slotBytes }) => fresh.missing(tier, slotBytes)),
            );
          };
          const first = seen();
          const done: [number, number, number][] = [];
          for (const pick of picks) {
            const from = pick % 2;
            if (held[from].length === 0) continue;
            const [bytes] = held[from].splice(pick % held[from].length, 1);
            held[1 - from].push(bytes);
            books.moved(bytes, from, 1 - from);
            done.push([bytes, from, 1 - from]);
            expect(seen()).toEqual(expected());
          }
          for (const [bytes, from, to] of done.reverse()) books.moved(bytes, to, from);
          expect(seen()).toEqual(first);
        },
      ),
    );
  });
});
