/**
 * A drive that cannot read one sector and cannot write another (see scripts/machine/boots.js). The file covers
 * much of the drive, and so both; they are so far apart that they are in different runs.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, it } from 'node:test';
import type { NativeHeap } from '../../dist/memory/heap-binding.js';
import { chunkBytes } from '../../dist/native.js';
import { machine } from './support/machine.ts';
import { bytesOf, MiB, openHeap } from './support/memory.ts';

const capacityBytes = 240 * MiB;
const chunks = 20;
const runBytes = chunks * chunkBytes;
let heap: NativeHeap;
let backend: number;
/** By the byte they are filled with. */
const runs = new Map<number, number>();
/** Filled with this byte, the run whose flush told that something could not be written back. */
let unwritten = 0;

before(() => {
  heap = openHeap();
  backend = heap.addBackend({ kind: 'file', directory: machine.nvmeDirectory, capacityBytes });
});
after(() => heap.close());

/** Pages of a run that are not what was written. */
function wrongPages(run: number, byte: number): number {
  const bytes = Buffer.from(bytesOf(heap, run, chunks).buffer);
  const page = Buffer.alloc(4096, byte);
  if (bytes.equals(Buffer.alloc(runBytes, byte))) return 0;
  let wrong = 0;
  for (let at = 0; at < runBytes; at += 4096) {
    if (bytes.compare(page, 0, 4096, at, at + 4096) !== 0) wrong++;
  }
  return wrong;
}

it('an error of the drive while writing back is an error of every flush from then on, and the data stays readable', async () => {
  const refused: { byte: number; code: string }[] = [];
  for (let byte = 1; byte <= capacityBytes / runBytes; byte++) {
    const run = heap.allocate(backend, chunks);
    runs.set(byte, run);
    bytesOf(heap, run, chunks).fill(byte);
    try {
      assert.equal(await heap.flush(run, 0, runBytes), true);
    } catch (error) {
      refused.push({ byte, code: (error as { code: string }).code });
    }
  }
  // The kernel tells the error once; what it lost nobody knows, so no later flush can promise anything.
  assert.ok(refused.length > 0, 'the sector that cannot be written was written');
  assert.ok(refused[0].byte > 1, 'the first run is not on the bad sector');
  assert.deepEqual(
    refused,
    [...runs.keys()]
      .filter((byte) => byte >= refused[0].byte)
      .map((byte) => ({ byte, code: 'ERR_TIER_IO' })),
  );
  for (const [byte, run] of runs) assert.equal(wrongPages(run, byte), 0);
  unwritten = refused[0].byte;
});

it('a sector that cannot be read costs its page, and the process lives', () => {
  // The page cache still has everything; what is clean can be taken from it. The runs whose flush was refused
  // for the error of another are not clean yet.
  execFileSync('sync');
  const cached = (): number =>
    Number(/^Cached: +(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) * 1024;
  const before = cached();
  // What was touched last takes several passes to become old.
  for (let pass = 0; pass < 10; pass++) {
    try {
      writeFileSync('/sys/fs/cgroup/memory.reclaim', `${capacityBytes}`);
    } catch {
      // EAGAIN: less was reclaimed than asked for.
    }
  }
  assert.ok(cached() < before - 150 * MiB, `the page cache shrank from ${before} to ${cached()}`);

  let wrong = 0;
  for (const [byte, run] of runs) if (byte !== unwritten) wrong += wrongPages(run, byte);
  assert.equal(wrong, 1);
  const ranges = heap.damagedRanges();
  assert.deepEqual(
    ranges.map(({ byteLength, cause }) => ({ byteLength, cause })),
    [{ byteLength: 4096, cause: 'lost' }],
  );
  const [{ chunk }] = ranges;
  heap.free([...runs.values()].find((run) => run <= chunk && chunk < run + chunks) as number);
  assert.equal(heap.backendStats(backend).retiredChunks, 1);
  assert.deepEqual(heap.damagedRanges(), []);
});
