/** A chunk goes from every place of the machine to every other, at its address and whole. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ChunkMoveResult, NativeHeap } from '../../dist/memory/heap-binding.js';
import { chunkBytes } from '../../dist/native.js';
import { bytesOf, openHeap, pagesPerChunk, pattern } from './support/memory.ts';
import { allPlaces, assertPlacement, type Place } from './support/places.ts';

const places = allPlaces();
let heap: NativeHeap;
let backends: Map<Place, number>;
before(() => {
  heap = openHeap();
  backends = new Map(places.map((place) => [place, heap.addBackend(place.config)]));
});
after(() => heap.close());

const bases = [pattern(1, chunkBytes), pattern(2, chunkBytes)];
let next = 0;

/** Bytes that differ from those of the call before everywhere, and from all others in every page. */
function freshBytes(): Buffer {
  const bytes = Buffer.from(bases[next++ % 2]);
  for (let at = 0; at < chunkBytes; at += 4096) bytes.writeUInt32LE(next, at);
  return bytes;
}

/** Fills a chunk at `from`, has it moved, and looks at bytes, pages and books; then the same after writing again. */
async function travel(
  from: Place,
  to: Place,
  move: (chunk: number, backend: number) => ChunkMoveResult | Promise<ChunkMoveResult>,
): Promise<void> {
  const [source, target] = [backends.get(from) as number, backends.get(to) as number];
  const chunk = heap.allocate(source, 1);
  try {
    const bytes = bytesOf(heap, chunk, 1);
    const first = freshBytes();
    bytes.set(first);
    assertPlacement(heap, chunk, 1, from);

    const { durationNs, pauseNs, copiedBytes, ...result } = await move(chunk, target);
    assert.deepEqual(result, { tried: 1, applied: 1, failed: 0, reasons: {} });
    // Out of a file a chunk is copied once ahead, for the caches, and once while everybody waits.
    assert.ok(
      copiedBytes === chunkBytes || (from.node === undefined && copiedBytes === 2 * chunkBytes),
    );
    assert.ok(durationNs > 0 && pauseNs <= durationNs);
    assert.equal(heap.backendOf(chunk), target);
    const { mappedBytes, shadowChunks } = heap.backendStats(source);
    assert.equal(mappedBytes, shadowChunks * chunkBytes);
    assert.equal(heap.backendStats(target).mappedBytes, chunkBytes);
    assert.ok(first.equals(bytes), 'the bytes are those written before the move');
    assertPlacement(heap, chunk, 1, to);

    const second = freshBytes();
    bytes.set(second);
    assert.ok(second.equals(bytes), 'the bytes are those written after the move');
    assertPlacement(heap, chunk, 1, to);
  } finally {
    heap.free(chunk);
  }
}

describe('a chunk copied to another backing at its address', () => {
  for (const from of places) {
    for (const to of places.filter((place) => place !== from)) {
      it(`gets from ${from.name} to ${to.name}`, () =>
        travel(from, to, (chunk, backend) => heap.rebackChunk(chunk, backend)));
    }
  }
});

describe('a chunk moved while everybody may use it', () => {
  const onNode = ({ node }: Place): boolean => node !== undefined;
  for (const from of places) {
    for (const to of places.filter((place) => place !== from && !(onNode(from) && onNode(place)))) {
      it(`gets from ${from.name} to ${to.name}`, () =>
        travel(from, to, (chunk, backend) => heap.moveChunk(chunk, backend)));
    }
  }
});

describe('a chunk whose pages the kernel moves', () => {
  const nodes = places.filter(({ node }) => node !== undefined);
  for (const from of nodes) {
    for (const to of nodes.filter((place) => place !== from)) {
      it(`gets from ${from.name} to ${to.name}`, () =>
        travel(from, to, (chunk, backend) => heap.movePages(chunk, 1, backend)));
    }
  }
});

describe('a run of many chunks', () => {
  it('keeps every write that is made while the kernel moves its pages', async () => {
    const [from, , to] = places;
    const chunks = 8;
    const run = heap.allocate(backends.get(from) as number, chunks);
    const words = new Uint32Array(heap.buffer(run, chunks * chunkBytes));
    const stride = 4096 / 4;
    let rounds = 0;
    const writeOnce = (): void => {
      rounds++;
      for (let at = rounds % stride; at < words.length; at += stride) words[at] = rounds;
    };
    let moving = true;
    const moved = heap.movePages(run, chunks, backends.get(to) as number).finally(() => {
      moving = false;
    });
    while (moving) {
      writeOnce();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { applied, reasons } = await moved;
    assert.deepEqual({ applied, reasons }, { applied: chunks, reasons: {} });
    assert.ok(rounds > 1, `only ${rounds} rounds of writing fell into the move`);
    assertPlacement(heap, run, chunks, to);
    const expected = new Uint32Array(stride);
    for (let round = 1; round <= rounds; round++) expected[round % stride] = round;
    for (let page = 0; page < chunks * pagesPerChunk; page++) {
      assert.deepEqual(words.subarray(page * stride, (page + 1) * stride), expected);
    }
    heap.free(run);
  });
});

describe('the books of a heap', () => {
  it('are at zero when every run is freed, and nothing was refused or left unverified', () => {
    for (const [{ name }, index] of backends) {
      const { mappedBytes, refusedAllocations, unverifiedChunks } = heap.backendStats(index);
      assert.deepEqual(
        { name, mappedBytes, refusedAllocations, unverifiedChunks },
        { name, mappedBytes: 0, refusedAllocations: 0, unverifiedChunks: 0 },
      );
    }
  });
});
