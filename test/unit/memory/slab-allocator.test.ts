import { describe, expect, it } from 'vitest';
import { BackendSet } from '../../../lib/memory/backend-set.ts';
import { PlainHeap } from '../../../lib/memory/plain-heap.ts';
import { classIndex, sizeClasses, unitBytes } from '../../../lib/memory/size-classes.ts';
import { SlabAllocator, type Slot } from '../../../lib/memory/slab-allocator.ts';
import { modelTiers } from '../../support/stores.ts';

function makeAllocator(mebibytes: number) {
  const set = new BackendSet(new PlainHeap(), modelTiers([mebibytes]));
  return { set, backend: set.all[0], allocator: new SlabAllocator(set, set.all[0]) };
}

function take(allocator: SlabAllocator, bytes: number, id: number): Slot | undefined {
  const slot = { chunk: 0, byteOffset: 0 };
  return allocator.allocate(classIndex(bytes), id, slot) ? slot : undefined;
}

describe('a slab allocator', () => {
  it('never hands out overlapping slots', () => {
    const { allocator } = makeAllocator(8);
    const taken = new Map<number, [number, number][]>();
    for (const bytes of [16, 100, 4096, 5000, 70_000, 300_000, 16, 4096]) {
      for (let i = 0; i < 5; i++) {
        const slot = take(allocator, bytes, i)!;
        const end = slot.byteOffset + sizeClasses[classIndex(bytes)].slotBytes;
        const others = taken.get(slot.chunk) ?? [];
        for (const [from, to] of others) expect(slot.byteOffset >= to || end <= from).toBe(true);
        taken.set(slot.chunk, [...others, [slot.byteOffset, end]]);
      }
    }
  });

  it('stops exactly at the budget', () => {
    const { allocator, backend } = makeAllocator(4);
    let objects = 0;
    while (take(allocator, 4096, objects) !== undefined) objects++;
    expect(objects).toBe((4 * 1024 * 1024) / 4096);
    expect(backend.usedUnits).toBe(backend.capacityUnits);
  });

  it('gives units back when a slab empties, so that another class can use them', () => {
    const { allocator } = makeAllocator(2);
    const slots: Slot[] = [];
    for (let slot = take(allocator, 4096, 1); slot !== undefined; slot = take(allocator, 4096, 1)) {
      slots.push(slot);
    }
    expect(take(allocator, 500, 2)).toBeUndefined();
    for (const slot of slots.slice(0, 16)) allocator.free(slot.chunk, slot.byteOffset);
    expect(take(allocator, 500, 2)).toBeDefined();
  });

  it('returns everything in the end but one spare chunk', () => {
    const { set, allocator, backend } = makeAllocator(64);
    const slots = Array.from({ length: 5000 }, (_, i) => take(allocator, 3000, i)!);
    for (const { chunk, byteOffset } of slots) allocator.free(chunk, byteOffset);
    expect(backend.usedUnits).toBe(0);
    expect(allocator.holeBytes).toBe(0);
    expect(set.heap.backendStats(0).mappedBytes).toBe(2 * 1024 * 1024);
    allocator.trim();
    expect(set.heap.backendStats(0).mappedBytes).toBe(0);
  });

  it('knows how many bytes packing would free', () => {
    const { allocator } = makeAllocator(8);
    const perSlab = unitBytes / 4096;
    const slots = Array.from({ length: perSlab * 4 }, (_, i) => take(allocator, 4096, i)!);
    expect(allocator.packableBytes).toBe(0);
    // Every other object goes: half of the slabs would do.
    for (let i = 0; i < slots.length; i += 2) allocator.free(slots[i].chunk, slots[i].byteOffset);
    expect(allocator.holeBytes).toBe(2 * unitBytes);
    expect(allocator.packableBytes).toBe(2 * unitBytes);
  });

  it('empties a chunk into the free units of others and gives it back', () => {
    const { set, allocator } = makeAllocator(8);
    const places = new Map<number, Slot>();
    // Two chunks of slabs, then all but two slabs of the second go.
    for (let id = 0; id < 64 * 16; id++) places.set(id, take(allocator, 4096, id)!);
    const second = places.get(63 * 16)!.chunk;
    for (const [id, { chunk, byteOffset }] of places) {
      const unit = byteOffset / unitBytes;
      if (chunk === second ? unit >= 2 : unit >= 28) {
        allocator.free(chunk, byteOffset);
        places.delete(id);
      } else {
        set.bytes[chunk].fill(id, byteOffset, byteOffset + 4096);
      }
    }
    expect(
      allocator.evacuateChunk({
        mayMove: () => true,
        isWhole: () => true,
        moved: (id, chunk, byteOffset) => places.set(id, { chunk, byteOffset }),
      }),
    ).toBe(true);
    allocator.trim();
    expect(set.heap.backendStats(0).mappedBytes).toBe(2 * 1024 * 1024);
    expect(places.size).toBe(30 * 16);
    for (const [id, { chunk, byteOffset }] of places) {
      const bytes = set.bytes[chunk].subarray(byteOffset, byteOffset + 4096);
      expect(bytes.every((byte) => byte === (id & 255))).toBe(true);
    }
  });

  it('names as sparsest a slab whose objects fit into the holes of others', () => {
    const { allocator } = makeAllocator(8);
    const perSlab = unitBytes / 4096;
    const slots = Array.from({ length: perSlab * 3 }, (_, i) => take(allocator, 4096, i)!);
    expect(allocator.sparsest()).toBeUndefined();
    // One object left in the first slab, one hole in the second.
    for (let i = 1; i < perSlab; i++) allocator.free(slots[i].chunk, slots[i].byteOffset);
    allocator.free(slots[perSlab].chunk, slots[perSlab].byteOffset);
    const sparse = allocator.sparsest()!;
    expect(sparse.byteOffset).toBe(slots[0].byteOffset);
    expect(sparse.used).toBe(1);
    // It is out of allocation until it is restored: the next slot is the hole.
    expect(take(allocator, 4096, 99)).toEqual(slots[perSlab]);
  });
});
