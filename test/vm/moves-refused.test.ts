/** A move that cannot be had is an error with a code or a count with a reason, and the chunk stays as it was. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NativeHeap } from '../../dist/memory/heap-binding.js';
import { chunkBytes } from '../../dist/native.js';
import { machine } from './support/machine.ts';
import { bytesOf, MiB, openHeap, pattern } from './support/memory.ts';
import { allPlaces, assertPlacement, type Place } from './support/places.ts';
import { vmstat } from './support/vmstat.ts';

const places = allPlaces();
const named = (name: string): Place => places.find((place) => place.name === name) as Place;
const home: Place = { ...places[0], config: { ...places[0].config, capacityBytes: 128 * MiB } };
const full = { code: 'ERR_TIER_FULL' };
let chunks: number;
let bytes: Buffer;
let heap: NativeHeap;
let source: number;
let run: number;

/** A run of `count` chunks on the first node, for one test. */
function allocateRun(count: number): void {
  chunks = count;
  bytes = pattern(count, count * chunkBytes);
  run = heap.allocate(source, count);
  bytesOf(heap, run, count).set(bytes);
}

beforeEach(() => {
  heap = openHeap();
  source = heap.addBackend(home.config);
});
afterEach(() => heap.close());

/** Bytes, pages and books are those of a run that nobody moved. */
function assertUntouched(): void {
  assert.ok(bytes.equals(bytesOf(heap, run, chunks)));
  assertPlacement(heap, run, chunks, home);
  for (let i = 0; i < chunks; i++) assert.equal(heap.backendOf(run + i), source);
  const { mappedBytes, unverifiedChunks } = heap.backendStats(source);
  assert.deepEqual([mappedBytes, unverifiedChunks], [chunks * chunkBytes, 0]);
}

/** Takes single chunks until the backend refuses, for want of room. */
function fill(backend: number): number[] {
  const taken: number[] = [];
  assert.throws(() => {
    for (;;) taken.push(heap.allocate(backend, 1));
  }, full);
  return taken;
}

describe('a move to a backend whose budget is used up', () => {
  for (const place of places.slice(1)) {
    it(`leaves the chunk where it is: ${place.name}`, () => {
      allocateRun(1);
      const target = heap.addBackend({ ...place.config, capacityBytes: chunkBytes });
      heap.allocate(target, 1);
      assert.throws(() => heap.rebackChunk(run, target), full);
      if (place.node !== undefined) {
        assert.throws(() => heap.movePages(run, chunks, target), full);
      }
      assertUntouched();
      const { mappedBytes, refusedAllocations } = heap.backendStats(target);
      assert.equal(mappedBytes, chunkBytes);
      assert.equal(refusedAllocations, place.node === undefined ? 1 : 2);
    });
  }
});

describe('a move to a node without free memory', () => {
  for (const name of [`HBM node ${machine.hbmNodes[1]}`, `PMEM node ${machine.pmemNode}`]) {
    it(`is counted, and leaves the chunks without room where they are: ${name}`, async () => {
      const killed = vmstat('oom_kill');
      allocateRun(12);
      const target = heap.addBackend({ ...named(name).config, capacityBytes: 1024 * MiB });
      const taken = fill(target);
      assert.ok(taken.length > 50, `it had ${taken.length} chunks only`);
      // The kernel gives a chunk back or two when it has to; with six more, some go and some stay.
      for (const freed of [0, 6]) {
        for (const chunk of taken.splice(0, freed)) heap.free(chunk);
        const held = heap.backendStats(target).mappedBytes;
        let moved = await heap.movePages(run, chunks, target);
        // What was freed passes through lists of each CPU before the node counts it as free.
        for (let tries = 0; freed > 0 && moved.applied === 0 && tries < 40; tries++) {
          await sleep(250);
          moved = await heap.movePages(run, chunks, target);
        }
        const { tried, applied, failed, reasons } = moved;
        assert.equal(tried, chunks);
        assert.equal(applied + failed, chunks);
        assert.ok(failed > 0, `all ${applied} chunks found room`);
        // FULL: chunks the library knew would not fit; ENOMEM: pages the kernel refused.
        assert.match(Object.keys(reasons).join(), /^(ENOMEM,)?FULL$/);
        if (freed > 0) assert.ok(applied > 0);
        assert.equal(heap.backendStats(target).mappedBytes, held + applied * chunkBytes);
        let there = 0;
        for (let i = 0; i < chunks; i++) {
          const gone = heap.backendOf(run + i) === target;
          there += Number(gone);
          assertPlacement(heap, run + i, 1, gone ? named(name) : home);
        }
        assert.equal(there, applied);
        assert.ok(bytes.equals(bytesOf(heap, run, chunks)));
        assert.equal((await heap.movePages(run, chunks, source)).applied, chunks);
        assertUntouched();
      }
      const last = run + chunks - 1;
      // What was freed may come to light only after the node was filled: until there is no room for one.
      const refusal = (): unknown => {
        taken.push(...fill(target));
        try {
          heap.rebackChunk(last, target);
        } catch (error) {
          return error;
        }
        heap.rebackChunk(last, source);
        return undefined;
      };
      let refused = refusal();
      for (let tries = 0; refused === undefined && tries < 20; tries++) refused = refusal();
      assert.throws(() => {
        throw refused;
      }, full);
      assertUntouched();
      for (const chunk of taken) heap.free(chunk);
      assert.equal(heap.backendStats(target).mappedBytes, 0);
      assert.equal(vmstat('oom_kill'), killed);
    });
  }
});

describe('a move to a medium without room', () => {
  for (const [name, directory] of [
    ['fsdax', machine.pmemDirectory],
    ['NVMe', machine.nvmeDirectory],
  ]) {
    it(`leaves the chunk where it is, and succeeds when there is room again: ${name}`, () => {
      allocateRun(1);
      const target = heap.addBackend(named(name).config);
      const filler = join(directory, 'filler');
      // fallocate keeps what it got before the disk was full.
      assert.throws(() => execFileSync('fallocate', ['-l', '1G', filler], { stdio: 'ignore' }));
      try {
        assert.throws(() => heap.rebackChunk(run, target), full);
        assertUntouched();
        assert.equal(heap.backendStats(target).mappedBytes, 0);
      } finally {
        rmSync(filler);
      }
      assert.equal(heap.rebackChunk(run, target).applied, 1);
      assert.ok(bytes.equals(bytesOf(heap, run, 1)));
      assertPlacement(heap, run, 1, named(name));
    });
  }

  it('leaves the chunk where it is: devdax', () => {
    allocateRun(1);
    const target = heap.addBackend({ ...named('devdax').config, capacityBytes: 1024 * MiB });
    const taken = fill(target);
    assert.throws(() => heap.rebackChunk(run, target), full);
    assertUntouched();
    heap.free(taken[0]);
    assert.equal(heap.rebackChunk(run, target).applied, 1);
    assert.ok(bytes.equals(bytesOf(heap, run, 1)));
  });
});

describe('a move that makes no sense', () => {
  it('is refused for pages to a file, which the kernel cannot move', () => {
    allocateRun(1);
    const target = heap.addBackend(named('NVMe').config);
    assert.throws(() => heap.movePages(run, chunks, target), { code: 'ERR_TIER_INVALID' });
    assertUntouched();
  });

  it('is refused while another one is under way; a run freed meanwhile is given back', async () => {
    allocateRun(4);
    const target = heap.addBackend(named(`HBM node ${machine.hbmNodes[0]}`).config);
    const moved = heap.movePages(run, chunks, target);
    assert.throws(() => heap.movePages(run, chunks, target), { code: 'ERR_TIER_BUSY' });
    assert.throws(() => heap.rebackChunk(run, target), { code: 'ERR_TIER_BUSY' });
    heap.free(run);
    assert.equal((await moved).tried, chunks);
    assert.equal(heap.backendStats(source).mappedBytes, 0);
    assert.equal(heap.backendStats(target).mappedBytes, 0);
  });

  it('has no backend to go to on a node that does not exist', () => {
    const config = { kind: 'numa', node: 63, capacityBytes: 8 * MiB } as const;
    assert.throws(() => heap.addBackend(config), { code: 'ERR_TIER_UNAVAILABLE' });
  });
});
