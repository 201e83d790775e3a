import { describe, expect, it } from 'vitest';
import { BackendSet } from '../../../lib/memory/backend-set.ts';
import { PlainHeap } from '../../../lib/memory/plain-heap.ts';
import { classIndex, unitBytes, unitsPerChunk } from '../../../lib/memory/size-classes.ts';
import { SlabAllocator, type Slot } from '../../../lib/memory/slab-allocator.ts';
import { modelTiers } from '../../support/stores.ts';

const chunkBytes = unitBytes * unitsPerChunk;

function makeAllocator(mebibytes: number) {
  const set = new BackendSet(new PlainHeap(), modelTiers([mebibytes]));
  const allocator = new SlabAllocator(set, set.all[0]);
  const take = (bytes: number, id: number): Slot | undefined => {
    const slot = { chunk: 0, byteOffset: 0 };
    return allocator.allocate(classIndex(bytes), id, slot) ? slot : undefined;
  };
  const mappedBytes = (): number => set.heap.backendStats(0).mappedBytes;
  return { backend: set.all[0], allocator, take, mappedBytes };
}

const nobody = (id: number): never => {
  throw new Error(`object ${id} was hit`);
};

describe('a slab allocator whose memory is damaged', () => {
  it('names the objects in a lost range and no others', () => {
    const { allocator, take } = makeAllocator(4);
    const slots = Array.from({ length: 16 }, (_, id) => take(4096, id)!);
    const hit: number[] = [];
    const { chunk, byteOffset } = slots[5];
    allocator.lose(chunk, byteOffset, 8192, (id) => hit.push(id));
    expect(hit).toEqual([5, 6]);
    allocator.lose(chunk + 1, 0, chunkBytes, nobody);
  });

  it('gives no slot of a lost range again while its slab lives', () => {
    const { allocator, take } = makeAllocator(2);
    const slots = Array.from({ length: 8 }, (_, id) => take(4096, id)!);
    const { chunk, byteOffset } = slots[3];
    allocator.lose(chunk, byteOffset, 4096, () => {});
    // The eight slots after those in use are free, and half of them are lost too.
    allocator.lose(chunk, byteOffset + 5 * 4096, 4 * 4096, nobody);
    allocator.free(chunk, byteOffset);
    const lost = [3, 8, 9, 10, 11].map((n) => slots[0].byteOffset + n * 4096);
    let taken = 7;
    for (let slot = take(4096, 99); slot !== undefined; slot = take(4096, 99)) {
      expect(slot.chunk === chunk && lost.includes(slot.byteOffset)).toBe(false);
      taken++;
    }
    expect(taken).toBe(chunkBytes / 4096 - lost.length);
  });

  it('takes from another slab when all that was free in one is lost', () => {
    const { allocator, take } = makeAllocator(2);
    const first = take(4096, 1)!;
    const [from, to] = [first.byteOffset, first.byteOffset + unitBytes];
    allocator.lose(first.chunk, from + 4096, unitBytes - 4096, nobody);
    for (let i = 0; i < 20; i++) {
      const { byteOffset } = take(4096, 2)!;
      expect(byteOffset >= from && byteOffset < to).toBe(false);
    }
    expect(allocator.objects).toBe(21);
  });

  it('does not give up a slab for a copy of it that is not whole', () => {
    const { allocator, take, mappedBytes } = makeAllocator(8);
    const places = Array.from({ length: 33 * 16 }, (_, id) => take(4096, id)!);
    // Room for the slab that is alone in the second chunk.
    for (let id = 16; id < 32; id++) allocator.free(places[id].chunk, places[id].byteOffset);
    const alone = 32 * 16;
    expect(places[alone].chunk).not.toBe(places[0].chunk);
    const moved: number[] = [];
    const evacuate = (isWhole: (id: number) => boolean): boolean =>
      allocator.evacuateChunk({ mayMove: () => true, isWhole, moved: (id) => moved.push(id) });
    expect(evacuate((id) => id !== alone + 7)).toBe(false);
    expect(moved).toEqual([]);
    expect(evacuate(() => true)).toBe(true);
    expect(moved).toEqual(Array.from({ length: 16 }, (_, i) => alone + i));
    allocator.trim();
    expect(mappedBytes()).toBe(chunkBytes);
  });

  it('gives no unit of a lost range to another slab, and charges it until its chunk is freed', () => {
    const { allocator, backend, take, mappedBytes } = makeAllocator(2);
    const first = take(65_536, 1)!;
    const second = take(65_536, 2)!;
    // One unit under a slab, two free ones.
    const hit: number[] = [];
    allocator.lose(second.chunk, second.byteOffset + 4096, 4096, (id) => hit.push(id));
    allocator.lose(first.chunk, 10 * unitBytes, 2 * unitBytes, nobody);
    expect(hit).toEqual([2]);
    expect(backend.usedUnits).toBe(4);
    allocator.free(second.chunk, second.byteOffset);
    expect(backend.usedUnits).toBe(4);
    expect(allocator.holeBytes).toBe(3 * unitBytes);
    const units: number[] = [];
    for (let slot = take(65_536, 3); slot !== undefined; slot = take(65_536, 3)) {
      units.push(slot.byteOffset / unitBytes);
    }
    expect(units).toHaveLength(unitsPerChunk - 4);
    expect(units).not.toContain(second.byteOffset / unitBytes);
    expect(units).not.toContain(10);
    expect(units).not.toContain(11);
    for (const unit of units) allocator.free(first.chunk, unit * unitBytes);
    allocator.free(first.chunk, first.byteOffset);
    // Empty and damaged: given back at once, not kept as the spare one, and nothing is charged any more.
    expect(mappedBytes()).toBe(0);
    expect(backend.usedUnits).toBe(0);
    expect(allocator.holeBytes).toBe(0);
    expect(take(65_536, 4)).toBeDefined();
  });

  it('gives an empty chunk back when it is damaged', () => {
    const { allocator, take, mappedBytes } = makeAllocator(4);
    const slot = take(4096, 1)!;
    allocator.free(slot.chunk, slot.byteOffset);
    expect(mappedBytes()).toBe(chunkBytes);
    allocator.lose(slot.chunk, 0, 4096, nobody);
    expect(mappedBytes()).toBe(0);
    allocator.trim();
    expect(take(4096, 2)).toBeDefined();
  });

  it('hears of the same loss twice without harm', () => {
    const { allocator, backend, take } = makeAllocator(2);
    const { chunk, byteOffset } = take(4096, 1)!;
    for (let i = 0; i < 2; i++) {
      allocator.lose(chunk, byteOffset, 4096, () => {});
      allocator.lose(chunk, byteOffset + 4096, 4096, nobody);
      allocator.lose(chunk, 20 * unitBytes, unitBytes, nobody);
    }
    expect(backend.usedUnits).toBe(2);
    let free = 0;
    while (take(4096, 2) !== undefined) free++;
    expect(free).toBe(31 * 16 - 2);
  });

  it('gives a slot that does not keep its bytes to nobody', () => {
    const { allocator, take } = makeAllocator(2);
    const kept = take(4096, 1)!;
    const bad = take(4096, 2)!;
    allocator.retire(bad.chunk, bad.byteOffset);
    for (let i = 0; i < 14; i++) expect(take(4096, 3)).not.toEqual(bad);
    expect(allocator.objects).toBe(15);
    allocator.free(kept.chunk, kept.byteOffset);
    expect(take(4096, 4)).toEqual(kept);
  });
});
